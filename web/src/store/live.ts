import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { AnyVariables } from "urql";
import { Api } from "../api/client";
import { ApiError, asApiError } from "../api/errors";
import { Link } from "../api/link";
import type { Session, Viewer } from "../api/session";
import type { ContactFieldsFragment, ConversationFieldsFragment, MessageFieldsFragment } from "../gql/graphql";
import { Table } from "../lib/table";
import { Value } from "../lib/value";
import { uuid } from "../lib/uuid";

export type Contact = ContactFieldsFragment;
export type Conversation = ConversationFieldsFragment;
export type Message = MessageFieldsFragment;

/** What the live parts share: the way to the server, and one home for every row whatever way it came. */
export class Live {
  readonly api: Api;
  readonly link: Link;
  readonly viewer: Viewer;
  readonly conversations = new Table<Conversation>();
  readonly contacts = new Table<Contact>();
  readonly messages = new Table<Message>();

  constructor(session: Session, viewer: Viewer, socketUrl: string) {
    this.viewer = viewer;
    this.api = new Api(session);
    this.link = new Link(session, socketUrl);
    session.renewed = () => this.link.renew();
  }

  /** Stores a conversation and the contact inside it, each by its own version. */
  keep(conversation: Conversation): Conversation {
    this.contacts.put(conversation.contact);
    return this.conversations.put(conversation);
  }

  /**
   * Stores a message. A retry also tells its original that it was retried: that is no change of the original's own, so no event of it
   * need come.
   */
  keepMessage(message: Message): void {
    this.messages.put(message);
    const original = message.retryOf === null ? undefined : this.messages.get(message.retryOf);
    if (original && original.retriedBy !== message.id) this.messages.put({ ...original, retriedBy: message.id });
  }

  /**
   * Runs a mutation of the agent's with one idempotency key, again and with the same key while it is not known whether it took
   * effect. Gives up after three tries, so that the agent is told instead of kept waiting.
   */
  async act<I extends { idempotencyKey?: string | null }, D>(
    document: TypedDocumentNode<D, { input: I }>,
    input: Omit<I, "idempotencyKey">,
  ): Promise<D> {
    // The cast says what TypeScript cannot see for a generic I: the input and its key are an I.
    const keyed = { ...input, idempotencyKey: uuid() } as unknown as I;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.api.mutate<D, { input: I } & AnyVariables>(document, { input: keyed });
      } catch (thrown) {
        const error = asApiError(thrown);
        if (!error.transient || error.code === "RATE_LIMITED" || attempt === 3) throw error;
        await new Promise((resolve) => setTimeout(resolve, 400 * attempt));
      }
    }
  }

  dispose(): void {
    this.link.dispose();
  }
}

/** How a part that loads from the server stands. */
export type Phase = { kind: "loading" } | { kind: "ready" } | { kind: "failed"; error: ApiError };

/**
 * Calls load until it succeeds or is refused for good, telling the phase as it goes. A refresh over what is already shown stays
 * silent about passing trouble; the banner tells that. A load that was given up finds alive() false after its request and must
 * change nothing.
 */
export function keepLoading(phase: Value<Phase>, load: (alive: () => boolean) => Promise<void>): () => void {
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = async (pause: number) => {
    try {
      await load(() => !ended);
      if (!ended) phase.set({ kind: "ready" });
    } catch (thrown) {
      if (ended) return;
      const error = asApiError(thrown);
      if (phase.get().kind !== "ready" || !error.transient) phase.set({ kind: "failed", error });
      if (error.transient) timer = setTimeout(() => void run(Math.min(pause * 2, 8000)), pause);
    }
  };
  void run(500);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
