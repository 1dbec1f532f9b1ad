import { type ApiError, asApiError } from "../api/errors";
import type { LinkState } from "../api/link";
import { type SendMessageInput, SendMessageDocument, type SendMessageMutation, type SendMessageMutationVariables } from "../gql/graphql";
import { Value } from "../lib/value";
import { uuid } from "../lib/uuid";
import type { Message } from "./live";

/** A message that the agent has sent and the server has not acknowledged. */
export interface Outgoing {
  /** The idempotency key; the same for every try. */
  key: string;
  input: SendMessageInput;
  createdAt: string;
  /** Whether it may have reached the server. From then on its input must not change. */
  tried: boolean;
  /** What the server said against it; it waits for the agent's decision. */
  refusal: { code: ApiError["code"]; message: string } | null;
}

export interface OutboxServer {
  mutate(document: typeof SendMessageDocument, variables: SendMessageMutationVariables): Promise<SendMessageMutation>;
}

export interface OutboxStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const longestPause = 15_000;

/**
 * Messages on their way to the server. Each is kept, with its idempotency key, until the server has acknowledged it: through lost
 * answers, through a dead network, through a reload of the page. Those of one conversation go one after the other.
 *
 * sessionStorage, because what an agent wrote to a customer should not outlive the tab on a shared computer.
 */
export class Outbox {
  readonly items: Value<readonly Outgoing[]>;

  #server: OutboxServer;
  #link: Value<LinkState>;
  #storage: OutboxStorage;
  #storageKey: string;
  #accepted: (message: Message, key: string) => void;
  #busy = new Set<string>();
  #pauses = new Map<string, { length: number; timer: ReturnType<typeof setTimeout> }>();
  #unwatch: () => void;

  constructor(
    server: OutboxServer,
    link: Value<LinkState>,
    agentId: string,
    accepted: (message: Message, key: string) => void,
    storage: OutboxStorage = sessionStorage,
  ) {
    this.#server = server;
    this.#link = link;
    this.#accepted = accepted;
    this.#storage = storage;
    // Per agent: whoever signs in next in this tab must not send them.
    this.#storageKey = `switchboard.outbox.${agentId}`;
    this.items = new Value<readonly Outgoing[]>(this.#restore());
    this.#unwatch = link.subscribe(() => this.#wake());
    this.#wake();
  }

  send(input: SendMessageInput): void {
    const item: Outgoing = {
      key: uuid(),
      input,
      createdAt: new Date().toISOString(),
      tried: false,
      refusal: null,
    };
    this.#change((items) => [...items, item]);
    void this.#pump(input.conversationId);
  }

  /** Sends a refused message after all, against the newest state that the agent has seen now. A new try, so a new key. */
  sendAnyway(key: string, expectedLastSeq: number): void {
    const item = this.items.get().find((one) => one.key === key);
    if (!item) return;
    const again: Outgoing = { ...item, key: uuid(), input: { ...item.input, expectedLastSeq }, tried: false, refusal: null };
    this.#change((items) => items.map((one) => (one.key === key ? again : one)));
    void this.#pump(item.input.conversationId);
  }

  discard(key: string): Outgoing | undefined {
    const item = this.items.get().find((one) => one.key === key);
    this.#change((items) => items.filter((one) => one.key !== key));
    if (item) void this.#pump(item.input.conversationId);
    return item;
  }

  dispose(): void {
    this.#unwatch();
    for (const { timer } of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
    this.#busy.clear();
    this.#accepted = () => {};
  }

  #wake(): void {
    if (this.#link.get().kind === "offline") return;
    const conversations = new Set(this.items.get().map((item) => item.input.conversationId));
    for (const id of conversations) {
      const pause = this.#pauses.get(id);
      // Back online: waiting out the pause would only keep the customer waiting.
      if (pause && this.#link.get().kind === "online") this.#endPause(id);
      if (!this.#pauses.has(id)) void this.#pump(id);
    }
  }

  async #pump(conversationId: string): Promise<void> {
    if (this.#busy.has(conversationId) || this.#pauses.has(conversationId)) return;
    const head = this.items.get().find((item) => item.input.conversationId === conversationId);
    if (!head || head.refusal || this.#link.get().kind === "offline") return;
    this.#busy.add(conversationId);
    this.#patch(head.key, { tried: true });
    try {
      const { sendMessage } = await this.#server.mutate(SendMessageDocument, {
        input: { ...head.input, idempotencyKey: head.key },
      });
      this.#done(head, sendMessage.message);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (!error.transient) this.#patch(head.key, { refusal: { code: error.code, message: error.message } });
      else this.#pause(conversationId, error.retryAfter);
    } finally {
      this.#busy.delete(conversationId);
    }
    void this.#pump(conversationId);
  }

  #done(head: Outgoing, message: Message): void {
    const expected = head.input.expectedLastSeq;
    this.#accepted(message, head.key);
    this.#change((items) =>
      items
        .filter((item) => item.key !== head.key)
        .map((item) => {
          // Written on the same view of the conversation, which has only grown by the agent's own message: not news to him. Once tried,
          // an input must stay as it was, or its key would be refused.
          const follows = item.input.conversationId === head.input.conversationId && !item.tried;
          if (!follows || item.input.expectedLastSeq !== expected || message.seq !== (expected ?? 0) + 1) return item;
          return { ...item, input: { ...item.input, expectedLastSeq: message.seq } };
        }),
    );
    this.#endPause(head.input.conversationId);
  }

  #pause(conversationId: string, retryAfter: number | null): void {
    const before = this.#pauses.get(conversationId)?.length ?? this.#lastPause.get(conversationId) ?? 500;
    const length = retryAfter === null ? Math.min(before * 2, longestPause) : retryAfter * 1000;
    this.#lastPause.set(conversationId, length);
    const timer = setTimeout(() => {
      this.#pauses.delete(conversationId);
      void this.#pump(conversationId);
    }, length);
    this.#pauses.set(conversationId, { length, timer });
  }

  #lastPause = new Map<string, number>();

  #endPause(conversationId: string): void {
    clearTimeout(this.#pauses.get(conversationId)?.timer);
    this.#pauses.delete(conversationId);
    this.#lastPause.delete(conversationId);
  }

  #patch(key: string, change: Partial<Outgoing>): void {
    this.#change((items) => items.map((item) => (item.key === key ? { ...item, ...change } : item)));
  }

  #change(change: (items: readonly Outgoing[]) => readonly Outgoing[]): void {
    this.items.update(change);
    try {
      this.#storage.setItem(this.#storageKey, JSON.stringify(this.items.get()));
    } catch {
      // Full or forbidden storage costs the safety across a reload, not the message.
    }
  }

  #restore(): readonly Outgoing[] {
    try {
      const saved: unknown = JSON.parse(this.#storage.getItem(this.#storageKey) ?? "[]");
      return Array.isArray(saved) ? (saved as Outgoing[]).map(expire) : [];
    } catch {
      return [];
    }
  }
}

const keyLife = 23 * 60 * 60 * 1000;

/** The server remembers a key for a day. After that a message that was tried might be sent twice, so the agent decides. */
function expire(item: Outgoing): Outgoing {
  if (!item.tried || Date.now() - Date.parse(item.createdAt) < keyLife) return item;
  return {
    ...item,
    refusal: { code: "NETWORK", message: "It is not known whether this message was sent. Look at the conversation before you send it again." },
  };
}
