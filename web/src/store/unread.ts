import { useSyncExternalStore } from "react";
import { openStream } from "../api/stream";
import {
  type ConversationCountEventsSubscription,
  ConversationCountEventsDocument,
  type ConversationFilter,
  UnreadCountEventsDocument,
} from "../gql/graphql";
import { Value } from "../lib/value";
import type { Live } from "./live";

type CountItem = Extract<ConversationCountEventsSubscription["conversationCountEvents"], { __typename: "ConversationCountEvent" }>;

export type Counts = CountItem["counts"];

/** What the viewer has not read: the badge, and the number of each conversation on the screen. */
export class Unread {
  readonly badge = new Value(0);
  readonly byConversation = new Value<ReadonlyMap<string, number>>(new Map());

  #live: Live;
  #learnt = new Map<string, number>();
  #stop: () => void = () => {};

  constructor(live: Live) {
    this.#live = live;
    this.#follow();
  }

  dispose(): void {
    this.#stop();
  }

  of(conversationId: string): number {
    return this.byConversation.get().get(conversationId) ?? 0;
  }

  /** Takes a number that was asked for at the given time, unless a newer one has come in between. */
  learn(conversationId: string, count: number, asked: number): void {
    if ((this.#learnt.get(conversationId) ?? -1) > asked) return;
    this.#set([{ conversationId, unreadCount: count }], asked);
  }

  #set(changed: readonly { conversationId: string; unreadCount: number }[], at: number): void {
    const next = new Map(this.byConversation.get());
    let different = false;
    for (const { conversationId, unreadCount } of changed) {
      this.#learnt.set(conversationId, at);
      if (next.get(conversationId) === unreadCount) continue;
      next.set(conversationId, unreadCount);
      different = true;
    }
    if (different) this.byConversation.set(next);
  }

  // The stream begins with where the badge stands, so no query is needed before it, after a resync neither.
  #follow = (): void => {
    this.#stop = openStream(this.#live.link, {
      document: UnreadCountEventsDocument,
      variables: {},
      after: null,
      pick: (data) => data.unreadCountEvents,
      onItem: (item) => {
        this.badge.set(item.conversations);
        this.#set(item.changed, performance.now());
      },
      onResync: this.#follow,
      onRefused: () => {},
    });
  };
}

/** Returns how many messages of the conversation are unread, and renders again when that, and only that, changes. */
export function useUnread(unread: Unread, conversationId: string): number {
  return useSyncExternalStore(unread.byConversation.subscribe, () => unread.of(conversationId));
}

/** The numbers on the tabs under one filter; null until they are known. */
export class CountsFeed {
  readonly counts = new Value<Counts | null>(null);

  #live: Live;
  #filter: ConversationFilter;
  #stop: () => void = () => {};

  constructor(live: Live, filter: ConversationFilter) {
    this.#live = live;
    this.#filter = filter;
    this.#follow();
  }

  dispose(): void {
    this.#stop();
  }

  #follow = (): void => {
    this.#stop = openStream(this.#live.link, {
      document: ConversationCountEventsDocument,
      variables: { filter: this.#filter },
      after: null,
      pick: (data) => data.conversationCountEvents,
      onItem: (item) => this.counts.set(item.counts),
      onResync: this.#follow,
      onRefused: () => {},
    });
  };
}
