import { AlarmClock, ArrowLeft, Check, ChevronDown, Flag, PanelRight, RotateCcw, UserCheck } from "lucide-react";
import { useRef } from "react";
import type { Router } from "../app/route";
import { focusRow } from "../app/shortcuts";
import { useWorkspace } from "../app/workspace";
import { useNow } from "../lib/now";
import { whenAhead } from "../lib/time";
import { useValue } from "../lib/value";
import type { Conversation } from "../store/live";
import { Avatar, ChannelIcon } from "../ui/bits";
import { Button, IconButton } from "../ui/button";
import { AssignMenu } from "./assign-menu";
import { useContactName } from "./names";
import { SnoozeMenu } from "./snooze-menu";

interface Props {
  conversation: Conversation | undefined;
  contactShown: boolean;
  onToggleContact: () => void;
}

/** Who it is with, who has it, and what can be done with it. */
export function ThreadHeader({ conversation, contactShown, onToggleContact }: Props) {
  const { router } = useWorkspace();
  const name = useContactName(conversation?.contact);
  return (
    <header className="flex h-15 shrink-0 items-center gap-1.5 border-b border-line bg-surface px-2 sm:gap-3 md:px-4">
      <IconButton label="Back to the list" className="md:hidden" onClick={() => back(router)}>
        <ArrowLeft size={20} aria-hidden />
      </IconButton>
      {conversation ? (
        <>
          <button
            type="button"
            aria-expanded={contactShown}
            onClick={onToggleContact}
            className="flex min-w-0 items-center gap-3 rounded-lg text-left xl:pointer-events-none"
          >
            <span className="shrink-0 max-sm:hidden">
              <Avatar name={name} id={conversation.contact.id} size="sm" />
            </span>
            <span className="min-w-0">
              <span className="flex items-center gap-1.5">
                <h2 dir="auto" className="truncate text-[0.9375rem] font-semibold">{name}</h2>
                {conversation.followUpAt && <Flag size={14} role="img" aria-label="Follow up by hand" className="shrink-0 fill-current text-danger" />}
              </span>
              <span className="flex items-center gap-1 text-xs text-ink-2">
                <ChannelIcon channel={conversation.channelAccount.channel} size={12} />
                <span className="truncate">{conversation.channelAccount.name}</span>
              </span>
            </span>
          </button>
          <span className="grow" />
          <HeaderActions conversation={conversation} />
        </>
      ) : (
        <div aria-hidden className="flex grow items-center gap-3">
          <div className="skeleton size-7 rounded-full" />
          <div className="skeleton h-4 w-36" />
        </div>
      )}
      <IconButton label="Contact details" aria-pressed={contactShown} className="max-md:hidden xl:hidden" onClick={onToggleContact}>
        <PanelRight size={18} aria-hidden />
      </IconButton>
    </header>
  );
}

/** Goes back to the list, to the row that the agent came from. */
function back(router: Router): void {
  const { conversationId } = router.route.get();
  router.go({ conversationId: null });
  if (conversationId) requestAnimationFrame(() => focusRow(conversationId));
}

/** What a button says beside its icon; on a phone, where the name of the contact needs the room, only to those who listen. */
function Word({ children }: { children: string }) {
  return <span className="max-sm:sr-only">{children}</span>;
}

function HeaderActions({ conversation }: { conversation: Conversation }) {
  const { actions, viewer, menu } = useWorkspace();
  const shown = useValue(menu);
  const now = useNow(30_000);
  const snooze = useRef<HTMLButtonElement>(null);
  const assign = useRef<HTMLButtonElement>(null);
  const { status, assignee, snoozedUntil } = conversation;
  const mine = assignee?.id === viewer.agent.id;
  const close = () => menu.set(null);
  return (
    <div role="toolbar" aria-label="Conversation" className="flex shrink-0 items-center gap-1 sm:gap-1.5">
      {!assignee && status === "OPEN" ? (
        <Button tone="primary" size="sm" aria-keyshortcuts="c" onClick={() => void actions.claim(conversation.id)}>
          <UserCheck size={15} aria-hidden /> <Word>Claim</Word>
        </Button>
      ) : null}
      <Button
        ref={assign}
        tone="quiet"
        size="sm"
        aria-haspopup="menu"
        aria-expanded={shown === "reassign"}
        aria-label={`Assigned to ${assignee ? (mine ? "you" : assignee.name) : "nobody"}`}
        onClick={() => menu.set(shown === "reassign" ? null : "reassign")}
      >
        {assignee && <Avatar name={assignee.name} id={assignee.id} size="xs" />}
        <span data-testid="holder" className="max-w-24 truncate max-sm:sr-only">
          {assignee ? (mine ? "You" : assignee.name) : "Unassigned"}
        </span>
        <ChevronDown size={14} aria-hidden />
      </Button>
      {shown === "reassign" && <AssignMenu anchor={assign} conversation={conversation} onClose={close} />}
      {status !== "RESOLVED" && (
        <IconButton
          ref={snooze}
          label={snoozedUntil ? `Snoozed until ${whenAhead(snoozedUntil, now)}` : "Snooze"}
          shortcut="s"
          aria-haspopup="menu"
          aria-expanded={shown === "snooze"}
          onClick={() => menu.set(shown === "snooze" ? null : "snooze")}
        >
          <AlarmClock size={18} aria-hidden />
        </IconButton>
      )}
      {shown === "snooze" && status !== "RESOLVED" && <SnoozeMenu anchor={snooze} conversation={conversation} onClose={close} />}
      {status === "OPEN" ? (
        <Button size="sm" aria-keyshortcuts="e" onClick={() => void actions.resolve(conversation)}>
          <Check size={15} aria-hidden /> <Word>Resolve</Word>
        </Button>
      ) : (
        <Button size="sm" aria-keyshortcuts="o" onClick={() => void actions.reopen(conversation.id)}>
          <RotateCcw size={14} aria-hidden /> <Word>Reopen</Word>
        </Button>
      )}
    </div>
  );
}
