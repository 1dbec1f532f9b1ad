import { openStream } from "../api/stream";
import {
  type ConversationEventsSubscription,
  ConversationEventsDocument,
  type ConversationFilter,
  ConversationsDocument,
  type ConversationsQuery,
} from "../gql/graphql";
import { Value } from "../lib/value";
import { asApiError } from "../api/errors";
import type { Toasts } from "../ui/toasts";
import { keepLoading, type Conversation, type Live, type Phase } from "./live";
import type { Unread } from "./unread";

type Page = ConversationsQuery["conversations"];
type Event = Extract<ConversationEventsSubscription["conversationEvents"], { __typename: "ConversationEvent" }>;

const pageSize = 40;
const retryPause = 3000;

/**
 * The conversations under one filter, newest message first, as far as the agent has scrolled. It reads a page, follows the stream
 * from that page's cursor, and reads on at the end of the pages when asked.
 */
export class ConversationList {
  readonly ids = new Value<readonly string[]>([]);
  readonly phase = new Value<Phase>({ kind: "loading" });
  readonly more = new Value<"none" | "some" | "loading">("none");

  #live: Live;
  #unread: Unread;
  #toasts: Toasts;
  #filter: ConversationFilter;
  #members = new Set<string>();
  #end: string | null = null;
  #oldest: Conversation | null = null;
  #generation = 0;
  #stopLoading: () => void;
  #stopStream: () => void = () => {};

  constructor(live: Live, unread: Unread, toasts: Toasts, filter: ConversationFilter) {
    this.#live = live;
    this.#unread = unread;
    this.#toasts = toasts;
    this.#filter = filter;
    this.#stopLoading = keepLoading(this.phase, (alive) => this.#load(alive));
  }

  reload = (): void => {
    this.#stopLoading();
    this.#stopLoading = keepLoading(this.phase, (alive) => this.#load(alive));
  };

  dispose(): void {
    this.#generation += 1;
    this.#stopLoading();
    this.#stopStream();
  }

  async loadMore(): Promise<void> {
    if (this.more.get() !== "some") return;
    this.more.set("loading");
    try {
      const generation = this.#generation;
      const page = await this.#page(this.#end);
      // A resync has started the pages anew meanwhile; this page belongs to the old ones.
      if (generation !== this.#generation) return;
      this.#append(page);
    } catch (thrown) {
      // It is asked for again as long as the end is in view; not at once, or a dead network would be asked without end.
      setTimeout(() => this.more.get() === "loading" && this.more.set("some"), retryPause);
      const error = asApiError(thrown);
      if (!error.transient) this.#toasts.error(error.message);
    }
  }

  async #load(alive: () => boolean): Promise<void> {
    this.#stopStream();
    const page = await this.#page(null);
    if (!alive()) return;
    this.#generation += 1;
    this.#members.clear();
    this.#append(page);
    this.#stopStream = openStream(this.#live.link, {
      document: ConversationEventsDocument,
      variables: { filter: this.#filter },
      after: page.cursor,
      pick: (data) => data.conversationEvents,
      onItem: (event) => this.#apply(event),
      onResync: this.reload,
      onRefused: (error) => this.phase.set({ kind: "failed", error }),
    });
  }

  async #page(after: string | null) {
    const asked = performance.now();
    const { conversations } = await this.#live.api.query(ConversationsDocument, {
      filter: this.#filter,
      first: pageSize,
      after,
    });
    for (const { node, unreadCount } of conversations.edges) {
      this.#live.keep(node);
      this.#unread.learn(node.id, unreadCount, asked);
    }
    return conversations;
  }

  #append(page: Page): void {
    for (const { node } of page.edges) this.#members.add(node.id);
    this.#end = page.pageInfo.endCursor;
    this.#oldest = page.edges.at(-1)?.node ?? this.#oldest;
    this.more.set(page.pageInfo.hasNextPage ? "some" : "none");
    this.#arrange();
  }

  #apply(event: Event): void {
    const row = event.conversation && this.#live.keep(event.conversation);
    if (event.membership === "LEFT" || !row) this.#members.delete(event.conversationId);
    else if (!this.#isBelow(row)) this.#members.add(row.id);
    this.#arrange();
  }

  /** Whether the row's place is on a page that has not been read yet; it comes with that page, among its neighbours. */
  #isBelow(row: Conversation): boolean {
    return this.more.get() !== "none" && this.#oldest !== null && newestFirst(row, this.#oldest) > 0;
  }

  #arrange(): void {
    const rows: Conversation[] = [];
    for (const id of this.#members) {
      const row = this.#live.conversations.get(id);
      if (row) rows.push(row);
    }
    rows.sort(newestFirst);
    const next = rows.map((row) => row.id);
    const old = this.ids.get();
    if (next.length !== old.length || next.some((id, i) => id !== old[i])) this.ids.set(next);
  }
}

function newestFirst(a: Conversation, b: Conversation): number {
  if (a.lastMessageAt !== b.lastMessageAt) return a.lastMessageAt < b.lastMessageAt ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
