import { ArrowDown, CircleAlert } from "lucide-react";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useWorkspace } from "../app/workspace";
import { useNow } from "../lib/now";
import { dayName, dayStart } from "../lib/time";
import { useValue } from "../lib/value";
import type { Message } from "../store/live";
import { unmatched } from "../store/merge";
import type { Outgoing } from "../store/outbox";
import type { Thread } from "../store/thread";
import { Empty } from "../ui/bits";
import { Bubble } from "./bubble";
import { OutgoingBubble } from "./outgoing-bubble";
import { useReadMarker } from "./read-marker";
import { useStickyScroll } from "./sticky-scroll";

/** The messages by day, the waiting ones after them. It stays at the end while the agent is there, and still while he reads further up. */
export function Timeline({ thread }: { thread: Thread }) {
  const workspace = useWorkspace();
  const ids = useValue(thread.ids);
  const phase = useValue(thread.phase);
  const older = useValue(thread.older);
  const waiting = useWaiting(thread);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const { atEnd, toEnd } = useStickyScroll(scroller, ids[0] ?? null);
  useReadMarker(scroller, thread);

  const firstPage = ids.length > 0;
  const top = useTopWatch(scroller, thread, firstPage && older === "some");

  // What the agent sends is what he wants to see.
  const newest = waiting.at(-1)?.key;
  useEffect(() => {
    if (newest) toEnd();
  }, [newest, toEnd]);

  if (phase.kind === "failed" && ids.length === 0) {
    return (
      <div className="min-h-0 grow">
        <Empty icon={<CircleAlert size={22} aria-hidden />} title="The messages cannot be loaded">
          {phase.error.message}
        </Empty>
      </div>
    );
  }
  return (
    <div className="relative min-h-0 grow">
      <div
        ref={setScroller}
        id="messages"
        role="region"
        aria-label="Messages"
        tabIndex={0}
        className="h-full overflow-x-hidden overflow-y-auto px-3 [overflow-anchor:none] focus-visible:-outline-offset-2 md:px-6"
      >
        <div className="mx-auto flex min-h-full max-w-3xl flex-col justify-end py-4">
          {phase.kind === "loading" && ids.length === 0 && <SkeletonThread />}
          {older !== "none" && (
            <div ref={top} className="flex h-10 items-center justify-center text-xs text-ink-3" role="status">
              {older === "loading" && "Loading earlier messages…"}
            </div>
          )}
          <Messages ids={ids} thread={thread} />
          {waiting.map((item) => (
            <OutgoingBubble key={item.key} item={item} thread={thread} offline={workspace.live.link.state} />
          ))}
        </div>
      </div>
      {!atEnd && firstPage && (
        <button
          type="button"
          onClick={toEnd}
          className="appear absolute bottom-3 left-1/2 inline-flex h-8 -translate-x-1/2 items-center gap-1.5 rounded-full border border-line bg-raised px-3 text-xs font-medium shadow-pop"
        >
          <ArrowDown size={14} aria-hidden /> Newest messages
        </button>
      )}
    </div>
  );
}

function Messages({ ids, thread }: { ids: readonly string[]; thread: Thread }) {
  const { live, bubbleKeys } = useWorkspace();
  const now = useNow(60_000);
  const messages = ids.flatMap((id) => live.messages.get(id) ?? []);
  return messages.map((message, i) => {
    const { id } = message;
    const before = messages[i - 1];
    const newDay = before === undefined || dayOf(before) !== dayOf(message);
    const continues = !newDay && sameHand(before, message);
    return (
      <div key={bubbleKeys.get(id) ?? id} data-message={id} data-direction={message.direction} className={continues ? "mt-1" : "mt-3"}>
        {newDay && (
          <p className="my-3 flex justify-center first:mt-0">
            <span className="rounded-full bg-sunken px-3 py-0.5 text-xs font-medium text-ink-2">{dayName(message.createdAt, now)}</span>
          </p>
        )}
        <Bubble id={id} thread={thread} continues={continues} />
      </div>
    );
  });
}

function dayOf(message: Message): number {
  return dayStart(Date.parse(message.createdAt));
}

const pauseBetween = 5 * 60_000;

/** Whether the second message goes on where the first stopped: the same hand, within minutes. */
function sameHand(a: Message, b: Message): boolean {
  const close = Date.parse(b.createdAt) - Date.parse(a.createdAt) < pauseBetween;
  return close && a.direction === b.direction && a.author?.id === b.author?.id;
}

/** Returns what is on its way in this conversation and not among the stored messages yet. */
function useWaiting(thread: Thread): Outgoing[] {
  const { outbox, live, viewer } = useWorkspace();
  const items = useValue(outbox.items);
  const ids = useSyncExternalStore(thread.ids.subscribe, thread.ids.get);
  return useMemo(() => {
    const own = items.filter((item) => item.input.conversationId === thread.conversationId);
    if (own.length === 0) return own;
    const stored = ids.flatMap((id) => live.messages.get(id) ?? []);
    return unmatched(own, stored, viewer.agent.id);
  }, [items, ids, thread, live, viewer]);
}

/** Reads earlier messages while the returned element is near the view. */
function useTopWatch(root: HTMLElement | null, thread: Thread, watching: boolean) {
  const [element, setElement] = useState<HTMLElement | null>(null);
  useEffect(() => {
    if (!root || !element || !watching) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && void thread.loadOlder(), { root, rootMargin: "400px 0px 0px" });
    watch.observe(element);
    return () => watch.disconnect();
  }, [root, element, thread, watching]);
  return setElement;
}

function SkeletonThread() {
  return (
    <div aria-hidden className="flex flex-col gap-4">
      <div className="skeleton h-10 w-3/5 rounded-2xl" />
      <div className="skeleton h-16 w-2/5 rounded-2xl" />
      <div className="skeleton h-10 w-1/2 self-end rounded-2xl" />
      <div className="skeleton h-10 w-2/5 rounded-2xl" />
    </div>
  );
}
