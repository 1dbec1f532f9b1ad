import { useEffect } from "react";
import { useWorkspace } from "../app/workspace";
import { MarkReadDocument } from "../gql/graphql";
import { useValue } from "../lib/value";
import type { Thread } from "../store/thread";

const settle = 400;

/**
 * Marks what the agent has really been shown: a message counts when it was in the view of a page that was itself visible. One request for
 * a burst; after a failure the next sight, or the next connection, tries again.
 */
export function useReadMarker(scroller: HTMLElement | null, thread: Thread): void {
  const { live, unread } = useWorkspace();
  const ids = useValue(thread.ids);

  useEffect(() => {
    if (!scroller || ids.length === 0) return;
    const inView = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;

    const mark = async () => {
      const newest = [...inView]
        .map((id) => live.messages.get(id))
        .filter((message) => message !== undefined)
        .toSorted((a, b) => b.seq - a.seq)[0];
      if (!newest || unread.of(thread.conversationId) === 0) return;
      const asked = performance.now();
      try {
        const { markRead } = await live.api.mutate(MarkReadDocument, {
          input: { conversationId: thread.conversationId, upToMessageId: newest.id },
        });
        unread.learn(thread.conversationId, markRead.unreadCount, asked);
      } catch {
        // Nobody waits for this; it is tried again as described above.
      }
    };
    const plan = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible" && inView.size > 0) timer = setTimeout(() => void mark(), settle);
    };
    const watch = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const id = entry.target instanceof HTMLElement ? entry.target.dataset.message : undefined;
          if (id === undefined) continue;
          if (entry.isIntersecting) inView.add(id);
          else inView.delete(id);
        }
        plan();
      },
      { root: scroller },
    );
    for (const bubble of scroller.querySelectorAll("[data-direction=INBOUND]")) watch.observe(bubble);
    const stopUnread = unread.byConversation.subscribe(plan);
    const stopLink = live.link.state.subscribe(plan);
    document.addEventListener("visibilitychange", plan);
    return () => {
      clearTimeout(timer);
      stopUnread();
      stopLink();
      watch.disconnect();
      document.removeEventListener("visibilitychange", plan);
    };
  }, [scroller, thread, ids, live, unread]);
}
