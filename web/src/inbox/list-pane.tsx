import { CircleAlert, Coffee, Inbox } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { type Route, statuses, type StatusTab, type Tab, tabs } from "../app/route-path";
import { useWorkspace } from "../app/workspace";
import type { ConversationFilter } from "../gql/graphql";
import { cx } from "../lib/cx";
import { useNow } from "../lib/now";
import { useResource } from "../lib/resource";
import { useValue } from "../lib/value";
import { ConversationList } from "../store/list";
import { CountsFeed } from "../store/unread";
import { Button } from "../ui/button";
import { Empty } from "../ui/bits";
import { ConversationRow } from "./conversation-row";

const tabNames: Record<Tab, string> = { mine: "Mine", unassigned: "Unassigned", all: "All" };
const statusNames: Record<StatusTab, string> = { open: "Open", snoozed: "Snoozed", resolved: "Resolved" };
const assignees = { mine: "MINE", unassigned: "UNASSIGNED", all: "ANY" } as const;
const statusFilters = { open: ["OPEN"], snoozed: ["SNOOZED"], resolved: ["RESOLVED"] } as const;

function filterOf(route: Pick<Route, "tab" | "status">): ConversationFilter {
  return { status: [...statusFilters[route.status]], assignee: assignees[route.tab] };
}

/** The left pane: which conversations, and the conversations. */
export function ListPane() {
  const { live, unread, toasts, router } = useWorkspace();
  const { tab, status } = useValue(router.route);
  const list = useResource(`${tab}/${status}`, () => new ConversationList(live, unread, toasts, filterOf({ tab, status })));
  return (
    <section aria-label="Conversations" className="flex h-full flex-col bg-surface">
      <div className="border-b border-line">
        <div className="flex items-center justify-between gap-2 px-4 pt-3 pb-2">
          <h2 className="text-base font-semibold">Inbox</h2>
          <StatusFilter />
        </div>
        <Tabs />
      </div>
      <div role="tabpanel" id="list-panel" aria-labelledby={`tab-${tab}`} className="min-h-0 grow">
        {list ? <Rows key={`${tab}/${status}`} list={list} route={{ tab, status }} /> : <SkeletonRows />}
      </div>
    </section>
  );
}

function StatusFilter() {
  const { router } = useWorkspace();
  const { status } = useValue(router.route);
  return (
    <div role="radiogroup" aria-label="Status" className="flex rounded-lg bg-sunken p-0.5">
      {statuses.map((one) => (
        <label
          key={one}
          className={cx(
            "cursor-pointer rounded-md px-2 py-1 text-xs font-medium transition-colors has-focus-visible:outline-2 has-focus-visible:outline-accent",
            one === status ? "bg-raised text-ink shadow-sm" : "text-ink-2 hover:text-ink",
          )}
        >
          <input
            type="radio"
            name="status"
            className="sr-only"
            checked={one === status}
            onChange={() => router.go({ status: one })}
          />
          {statusNames[one]}
        </label>
      ))}
    </div>
  );
}

function Tabs() {
  const { live, router } = useWorkspace();
  const { tab, status } = useValue(router.route);
  const feed = useResource(status, () => new CountsFeed(live, { status: [...statusFilters[status]] }));
  const keys = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (!next) return;
    router.go({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="Whose conversations" className="flex gap-1 px-3">
      {tabs.map((one) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`tab-${one}`}
          aria-selected={one === tab}
          aria-controls="list-panel"
          tabIndex={one === tab ? 0 : -1}
          onKeyDown={keys}
          onClick={() => router.go({ tab: one })}
          className={cx(
            "-mb-px flex items-center gap-1.5 rounded-t-md border-b-2 px-2 pt-1.5 pb-2 text-sm font-medium transition-colors focus-visible:-outline-offset-2",
            one === tab ? "border-accent text-ink" : "border-transparent text-ink-2 hover:text-ink",
          )}
        >
          {tabNames[one]}
          <Count feed={feed} tab={one} current={one === tab} />
        </button>
      ))}
    </div>
  );
}

function Count({ feed, tab, current }: { feed: CountsFeed | null; tab: Tab; current: boolean }) {
  return (
    <span
      data-count={tab}
      className={cx(
        "tabular inline-flex h-4.5 min-w-6 items-center justify-center rounded-full px-1.5 text-2xs font-semibold",
        current ? "bg-accent-soft text-accent" : "bg-sunken text-ink-2",
      )}
    >
      {feed ? <Number feed={feed} tab={tab} /> : "–"}
    </span>
  );
}

function Number({ feed, tab }: { feed: CountsFeed; tab: Tab }) {
  return useValue(feed.counts)?.[tab] ?? "–";
}

function Rows({ list, route }: { list: ConversationList; route: Pick<Route, "tab" | "status"> }) {
  const { router, active } = useWorkspace();
  const ids = useValue(list.ids);
  const phase = useValue(list.phase);
  const standing = useValue(active);
  const { conversationId } = useValue(router.route);
  const now = useNow(20_000);

  if (phase.kind === "failed" && ids.length === 0) {
    return (
      <Empty icon={<CircleAlert size={22} aria-hidden />} title="The list cannot be loaded">
        <p className="mb-3">{phase.error.message}</p>
        <Button size="sm" onClick={list.reload}>
          Try again
        </Button>
      </Empty>
    );
  }
  if (phase.kind === "loading") return <SkeletonRows />;
  if (ids.length === 0) return <EmptyList route={route} />;

  // One row can be reached with Tab: the one that was stood on last, else the open one, else the first.
  const entry = [standing, conversationId].find((id) => id !== null && ids.includes(id)) ?? ids[0];
  return (
    <div className="h-full overflow-y-auto">
      <div role="listbox" aria-label="Conversations" tabIndex={-1} className="p-1.5">
        {ids.map((id) => (
          <ConversationRow
            key={id}
            id={id}
            now={now}
            selected={id === conversationId}
            entry={id === entry}
            showAssignee={route.tab === "all"}
          />
        ))}
      </div>
      <MoreRows list={list} />
    </div>
  );
}

/** The end of what has been read; reads on before it comes into view. */
function MoreRows({ list }: { list: ConversationList }) {
  const more = useValue(list.more);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const end = ref.current;
    if (!end || more !== "some") return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && void list.loadMore(), { rootMargin: "600px" });
    watch.observe(end);
    return () => watch.disconnect();
  }, [list, more]);
  if (more === "none") return null;
  return (
    <div ref={ref} className="px-1.5 pb-1.5">
      <SkeletonRows count={2} />
    </div>
  );
}

function EmptyList({ route: { tab, status } }: { route: Pick<Route, "tab" | "status"> }) {
  const { router } = useWorkspace();
  if (status !== "open") return <Empty icon={<Inbox size={22} aria-hidden />} title={`Nothing is ${status}`} />;
  if (tab === "mine") {
    return (
      <Empty icon={<Coffee size={22} aria-hidden />} title="You are all caught up">
        <p className="mb-3">Claim a conversation and it shows up here.</p>
        <Button size="sm" onClick={() => router.go({ tab: "unassigned" })}>
          See unassigned
        </Button>
      </Empty>
    );
  }
  return (
    <Empty icon={<Inbox size={22} aria-hidden />} title={tab === "unassigned" ? "Nobody is waiting" : "No open conversations"}>
      New messages show up here by themselves.
    </Empty>
  );
}

function SkeletonRows({ count = 8 }: { count?: number }) {
  return (
    <div aria-hidden className="flex flex-col p-1.5">
      {Array.from({ length: count }, (_, i) => (
        <div key={i} className="flex h-19 items-center gap-3 px-2.5">
          <div className="skeleton size-10 rounded-full" />
          <div className="flex grow flex-col gap-2">
            <div className="skeleton h-3.5 w-1/3" />
            <div className="skeleton h-3 w-4/5" />
          </div>
        </div>
      ))}
    </div>
  );
}
