import { openStream } from "../api/stream";
import { ApiError, asApiError } from "../api/errors";
import { type MessageEventsSubscription, MessageEventsDocument, RawMessagesDocument, ThreadDocument, type ThreadQuery } from "../gql/graphql";
import { Value } from "../lib/value";
import { keepLoading, type Live, type Message, type Phase } from "./live";

type Page = NonNullable<ThreadQuery["conversation"]>["messages"];
type Event = Extract<MessageEventsSubscription["messageEvents"], { __typename: "MessageEvent" }>;

const pageSize = 30;
const gapPatience = 3000;
const retryPause = 3000;

/** The messages of one conversation, in order, as far back as the agent has scrolled. */
export class Thread {
  readonly conversationId: string;
  readonly ids = new Value<readonly string[]>([]);
  readonly phase = new Value<Phase>({ kind: "loading" });
  readonly older = new Value<"none" | "some" | "loading">("none");
  /** The newest inbound message that came while the thread was open; read out to people who listen. */
  readonly arrived = new Value<Message | null>(null);

  #live: Live;
  #bySeq = new Map<number, string>();
  #places = new Map<number, string>();
  #start: string | null = null;
  #stopLoading: () => void;
  #stopStream: () => void = () => {};
  #gapTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(live: Live, conversationId: string) {
    this.#live = live;
    this.conversationId = conversationId;
    this.#stopLoading = keepLoading(this.phase, (alive) => this.#load(alive));
  }

  reload = (): void => {
    this.#stopLoading();
    this.#stopLoading = keepLoading(this.phase, (alive) => this.#load(alive));
  };

  dispose(): void {
    this.#stopLoading();
    this.#stopStream();
    clearTimeout(this.#gapTimer);
  }

  /** `seq` of the newest message on the screen; 0 for none. */
  lastSeq(): number {
    const newest = this.ids.get().at(-1);
    return (newest && this.#live.messages.get(newest)?.seq) || 0;
  }

  /** Takes a message that a mutation returned. Its event follows, or has come already. */
  keep(message: Message): void {
    this.#live.keepMessage(message);
    if (this.#bySeq.has(message.seq)) return;
    this.#bySeq.set(message.seq, message.id);
    this.#arrange();
  }

  async loadOlder(): Promise<void> {
    if (this.older.get() !== "some") return;
    this.older.set("loading");
    const start = this.#start;
    try {
      const { messages } = await this.#page(pageSize, start);
      if (start !== this.#start) return;
      this.#take(messages);
      this.#start = messages.pageInfo.startCursor ?? start;
      this.older.set(messages.pageInfo.hasPreviousPage ? "some" : "none");
    } catch {
      // It is asked for again as long as the beginning is in view; not at once, or a dead network would be asked without end.
      setTimeout(() => {
        if (start === this.#start) this.older.set("some");
      }, retryPause);
    }
  }

  /** Returns what the provider sent for the message. */
  async raw(message: Message): Promise<string | null> {
    const { conversation } = await this.#live.api.query(RawMessagesDocument, {
      id: this.conversationId,
      ...this.#window(message),
    });
    return conversation?.messages.edges.find(({ node }) => node.id === message.id)?.node.raw ?? null;
  }

  /** Reads the message again, for new signed addresses of its files. */
  async refresh(message: Message): Promise<void> {
    const { last, before } = this.#window(message);
    try {
      const { messages } = await this.#page(last, before);
      for (const { node } of messages.edges) this.#live.keepMessage(node);
    } catch (thrown) {
      if (!asApiError(thrown).transient) throw thrown;
    }
  }

  /**
   * Where to find a message in pages: there is no query for one. Sequence numbers have no gaps, so the distance to a neighbour whose
   * place is known says how far back to read.
   */
  #window(message: Message): { last: number; before: string | null } {
    let newest = message.seq;
    for (let seq = message.seq + 1; seq <= this.lastSeq(); seq += 1) {
      newest = seq;
      const before = this.#places.get(seq);
      if (before && seq - message.seq <= 100) return { last: seq - message.seq, before };
    }
    return { last: Math.min(newest - message.seq + 1, 100), before: null };
  }

  async #load(alive: () => boolean): Promise<void> {
    this.#stopStream();
    const { messages } = await this.#page(pageSize, null);
    if (!alive()) return;
    const first = messages.edges[0]?.node.seq ?? 0;
    const reached = this.lastSeq();
    // So much has happened meanwhile that the page does not reach back to what is on the screen: begin anew, not with a hole.
    const anew = this.#start === null || first > reached + 1;
    if (anew) {
      this.#bySeq.clear();
      this.#start = messages.pageInfo.startCursor;
      this.older.set(messages.pageInfo.hasPreviousPage ? "some" : "none");
    }
    this.#take(messages);
    this.#stopStream = openStream(this.#live.link, {
      document: MessageEventsDocument,
      variables: { conversationId: this.conversationId },
      after: messages.cursor,
      pick: (data) => data.messageEvents,
      onItem: (event) => this.#apply(event),
      onResync: this.reload,
      onRefused: (error) => this.phase.set({ kind: "failed", error }),
    });
  }

  async #page(last: number, before: string | null) {
    const { conversation } = await this.#live.api.query(ThreadDocument, { id: this.conversationId, last, before });
    if (!conversation) throw new ApiError("NOT_FOUND", "This conversation does not exist, or you may no longer see it.");
    this.#live.keep(conversation);
    return conversation;
  }

  #take(page: Page): void {
    for (const { node, cursor } of page.edges) {
      this.#live.keepMessage(node);
      this.#bySeq.set(node.seq, node.id);
      this.#places.set(node.seq, cursor);
    }
    this.#arrange();
  }

  #apply(event: Event): void {
    const { message } = event;
    this.#live.keepMessage(message);
    // A change of a message that is further back than what was read: it is right when it is read.
    if (event.kind !== "MESSAGE_CREATED" || this.#bySeq.has(message.seq)) return;
    this.#bySeq.set(message.seq, message.id);
    this.#arrange();
    if (message.direction === "INBOUND") this.arrived.set(message);
  }

  #arrange(): void {
    const seqs = [...this.#bySeq.keys()].toSorted((a, b) => a - b);
    this.ids.set(seqs.map((seq) => this.#bySeq.get(seq) ?? ""));
    this.#watchGap(seqs);
  }

  // An answer to a mutation may overtake the event of the message before it; that closes by itself. Should it not, read again:
  // a hole in a conversation must never stay.
  #watchGap(seqs: readonly number[]): void {
    clearTimeout(this.#gapTimer);
    const whole = seqs.every((seq, i) => i === 0 || seq === (seqs[i - 1] ?? 0) + 1);
    if (whole) return;
    this.#gapTimer = setTimeout(() => {
      this.#start = null;
      this.reload();
    }, gapPatience);
  }
}
