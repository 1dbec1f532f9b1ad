import { AlarmClock, Flag } from "lucide-react";
import { memo } from "react";
import { useWorkspace } from "../app/workspace";
import { cx } from "../lib/cx";
import { useRow } from "../lib/table";
import { fullTime, shortAge, whenAhead } from "../lib/time";
import { useUnread } from "../store/unread";
import { Avatar, ChannelIcon } from "../ui/bits";
import { useContactName } from "./names";

interface Props {
  id: string;
  now: number;
  selected: boolean;
  /** Whether Tab reaches this row; the arrow keys and j and k reach the others. */
  entry: boolean;
  showAssignee: boolean;
}

/** One conversation of the list. */
export const ConversationRow = memo(function ConversationRow({ id, now, selected, entry, showAssignee }: Props) {
  const workspace = useWorkspace();
  const conversation = useRow(workspace.live.conversations, id);
  const name = useContactName(conversation?.contact);
  const unread = useUnread(workspace.unread, id);
  if (!conversation) return null;
  const { contact, assignee, channelAccount, snoozedUntil } = conversation;
  const open = () => workspace.router.go({ conversationId: id });
  return (
    <div
      role="option"
      id={`row-${id}`}
      data-id={id}
      data-active={entry}
      aria-selected={selected}
      tabIndex={entry ? 0 : -1}
      onClick={open}
      onFocus={() => workspace.active.set(id)}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") open();
        else if (event.key === "ArrowDown") step(event.currentTarget.nextElementSibling);
        else if (event.key === "ArrowUp") step(event.currentTarget.previousElementSibling);
        else return;
        event.preventDefault();
      }}
      className={cx(
        "lazy-row flex h-19 items-center gap-3 rounded-xl px-2.5 focus-visible:-outline-offset-2",
        selected ? "bg-accent-soft" : "hover:bg-sunken",
      )}
    >
      <span className="relative">
        <Avatar name={name} id={contact.id} />
        <span className="absolute -right-1 -bottom-0.5 flex size-4.5 items-center justify-center rounded-full bg-surface text-ok">
          <ChannelIcon channel={channelAccount.channel} size={13} />
        </span>
      </span>
      <span className="flex min-w-0 grow flex-col gap-0.5">
        <span className="flex items-baseline gap-2">
          <span dir="auto" className={cx("grow truncate text-left", unread > 0 ? "font-semibold" : "font-medium")}>{name}</span>
          {conversation.followUpAt && (
            <Flag size={13} role="img" aria-label="Follow up by hand" className="shrink-0 self-center fill-current text-danger" />
          )}
          <time
            dateTime={conversation.lastMessageAt}
            title={fullTime(conversation.lastMessageAt)}
            className={cx("tabular shrink-0 text-xs", unread > 0 ? "font-medium text-accent" : "text-ink-3")}
          >
            {shortAge(conversation.lastMessageAt, now)}
          </time>
        </span>
        <span className="flex h-5 items-center gap-2">
          <span dir="auto" className={cx("grow truncate text-left text-[0.8125rem]", unread > 0 ? "text-ink" : "text-ink-2")}>
            {conversation.preview || "No messages yet"}
          </span>
          {unread > 0 && (
            <span className="tabular flex h-4.5 min-w-4.5 shrink-0 items-center justify-center rounded-full bg-accent px-1 text-2xs font-semibold text-on-accent">
              <span className="sr-only">Unread: </span>
              {unread > 99 ? "99+" : unread}
            </span>
          )}
        </span>
        <span className="flex h-4 items-center gap-1.5 text-2xs text-ink-3">
          {snoozedUntil && (
            <span className="inline-flex items-center gap-1 text-warn">
              <AlarmClock size={12} aria-hidden />
              {whenAhead(snoozedUntil, now)} ·
            </span>
          )}
          <span className="truncate">{channelAccount.name}</span>
          {showAssignee && (
            <span className="ml-auto inline-flex shrink-0 items-center gap-1">
              {assignee ? (
                <>
                  <span className="sr-only">Answered by </span>
                  {assignee.id === workspace.viewer.agent.id ? "You" : assignee.name}
                </>
              ) : (
                "Unassigned"
              )}
            </span>
          )}
        </span>
      </span>
    </div>
  );
});

function step(row: Element | null): void {
  if (!(row instanceof HTMLElement)) return;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}
