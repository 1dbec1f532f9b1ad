import { ApiError, asApiError } from "../api/errors";
import {
  ClaimConversationDocument,
  ReassignConversationDocument,
  ReleaseConversationDocument,
  ReopenConversationDocument,
  ResolveConversationDocument,
  RetryMessageDocument,
  SnoozeConversationDocument,
} from "../gql/graphql";
import type { Conversation, Message } from "../store/live";
import { whenAhead } from "../lib/time";
import type { Workspace } from "./workspace";

/** What an agent does to a conversation. Each tells the agent when the server says no, and why. */
export class Actions {
  #workspace: Workspace;
  #retrying = new Set<string>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  claim(conversationId: string): Promise<void> {
    return this.#tell(async () => {
      const { claimConversation } = await this.#live.act(ClaimConversationDocument, { conversationId });
      this.#live.keep(claimConversation.conversation);
    });
  }

  release(conversationId: string): Promise<void> {
    return this.#tell(async () => {
      const { releaseConversation } = await this.#live.act(ReleaseConversationDocument, { conversationId });
      this.#live.keep(releaseConversation.conversation);
    });
  }

  reassign(conversationId: string, agentId: string): Promise<void> {
    return this.#tell(async () => {
      const { reassignConversation } = await this.#live.act(ReassignConversationDocument, { conversationId, agentId });
      const { conversation } = reassignConversation;
      this.#live.keep(conversation);
      this.#workspace.toasts.info(`${conversation.assignee?.name ?? "The agent"} has this conversation now.`);
    });
  }

  resolve(conversation: Conversation): Promise<void> {
    return this.#tell(async () => {
      const { resolveConversation } = await this.#live.act(ResolveConversationDocument, {
        conversationId: conversation.id,
        expectedLastSeq: this.#seen(conversation),
      });
      this.#live.keep(resolveConversation.conversation);
      this.#workspace.toasts.info(`Resolved ${name(conversation)}.`, {
        label: "Undo",
        run: () => void this.reopen(conversation.id),
      });
    });
  }

  reopen(conversationId: string): Promise<void> {
    return this.#tell(async () => {
      const { reopenConversation } = await this.#live.act(ReopenConversationDocument, { conversationId });
      this.#live.keep(reopenConversation.conversation);
    });
  }

  snooze(conversation: Conversation, until: Date): Promise<void> {
    return this.#tell(async () => {
      const { snoozeConversation } = await this.#live.act(SnoozeConversationDocument, {
        conversationId: conversation.id,
        until: until.toISOString(),
      });
      this.#live.keep(snoozeConversation.conversation);
      this.#workspace.toasts.info(`${name(conversation)} is set aside until ${whenAhead(until.toISOString(), Date.now())}.`, {
        label: "Undo",
        run: () => void this.reopen(conversation.id),
      });
    });
  }

  /** Sends a failed message again, as a new one. A second press while the first is under way does nothing. */
  retry(message: Message): Promise<void> {
    if (this.#retrying.has(message.id)) return Promise.resolve();
    this.#retrying.add(message.id);
    return this.#tell(async () => {
      const { retryMessage } = await this.#live.act(RetryMessageDocument, { messageId: message.id });
      const thread = this.#workspace.thread.get();
      if (thread?.conversationId === message.conversationId) thread.keep(retryMessage.message);
    }).finally(() => this.#retrying.delete(message.id));
  }

  get #live() {
    return this.#workspace.live;
  }

  /** `seq` up to which the agent has seen the conversation: what the open thread shows, or what the list's preview stands for. */
  #seen(conversation: Conversation): number {
    const thread = this.#workspace.thread.get();
    return thread?.conversationId === conversation.id ? thread.lastSeq() : conversation.lastSeq;
  }

  async #tell(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (thrown) {
      this.#explain(asApiError(thrown));
    }
  }

  #explain(error: ApiError): void {
    const { toasts, router } = this.#workspace;
    const other = error.details.conversationId;
    if (error.code === "ALREADY_CLAIMED") {
      toasts.error(error.holder ? `${error.holder} has already claimed this conversation.` : error.message);
    } else if (error.code === "CONFLICT" && typeof error.details.lastSeq === "number") {
      toasts.error("A new message has arrived. Read it first, then resolve.");
    } else if (error.code === "CONFLICT" && typeof other === "string") {
      toasts.error(error.message, { label: "Open it", run: () => router.go({ conversationId: other }) });
    } else if (error.code === "NETWORK") {
      toasts.error("Switchboard cannot be reached. Try this again when the connection is back.");
    } else {
      toasts.error(error.message);
    }
  }
}

function name(conversation: Conversation): string {
  return conversation.contact.name || conversation.contact.identities[0]?.value || "the conversation";
}
