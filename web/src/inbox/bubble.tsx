import { ChevronRight, CornerUpLeft, Forward, Megaphone, RotateCw } from "lucide-react";
import { memo, useState } from "react";
import { useWorkspace } from "../app/workspace";
import { cx } from "../lib/cx";
import { useRow } from "../lib/table";
import { clock, fullTime } from "../lib/time";
import type { Message } from "../store/live";
import type { Thread } from "../store/thread";
import { Button, IconButton } from "../ui/button";
import { focusComposer } from "../app/shortcuts";
import { Content } from "./content";
import { Delivery } from "./delivery";
import { Quote } from "./quote";
import { describe } from "./words";

interface Props {
  id: string;
  thread: Thread;
  /** Whether it goes on where the message before it stopped. */
  continues: boolean;
}

/** One message. */
export const Bubble = memo(function Bubble({ id, thread, continues }: Props) {
  const { live } = useWorkspace();
  const message = useRow(live.messages, id);
  if (!message) return null;
  if (message.kind === "SYSTEM") return <Notice message={message} thread={thread} />;
  if (message.retriedBy) return <Folded message={message} thread={thread} />;
  return <Spoken message={message} thread={thread} continues={continues} />;
});

function Spoken({ message, thread, continues }: { message: Message; thread: Thread; continues: boolean }) {
  const workspace = useWorkspace();
  const own = message.direction !== "INBOUND";
  const failed = message.status === "FAILED";
  return (
    <article
      aria-label={`${own ? (message.author?.name ?? "Automatic message") : "Customer"}, ${clock(message.createdAt)}`}
      className={cx("group flex flex-col", own ? "items-end" : "items-start")}
    >
      {own && !continues && (
        <p className="mb-0.5 px-1 text-2xs text-ink-3">{message.author?.name ?? (message.correlationId ? "Sent by another system" : "Automatic")}</p>
      )}
      <div className={cx("flex max-w-[88%] items-center gap-1 md:max-w-[75%]", own && "flex-row-reverse")}>
        <div
          className={cx(
            "relative min-w-0 rounded-2xl px-3 py-2",
            failed ? "border border-danger bg-danger-soft" : own ? "bg-own" : "border border-line bg-surface",
            own ? "rounded-br-md" : "rounded-bl-md",
          )}
        >
          {message.forwarded && <Mark icon={<Forward size={12} aria-hidden />}>Forwarded</Mark>}
          {message.retryOf && <Mark icon={<RotateCw size={12} aria-hidden />}>Sent again</Mark>}
          {message.referral && <Referral referral={message.referral} />}
          {message.replyTo && <Quote message={message.replyTo} />}
          <Content message={message} thread={thread} />
          <Meta message={message} own={own} />
          {message.reactions.length > 0 && <Reactions reactions={message.reactions} own={own} />}
        </div>
        <IconButton
          label="Quote this message"
          className="opacity-0 group-hover:opacity-100 focus-visible:opacity-100 max-md:hidden"
          onClick={() => {
            workspace.quote(message.conversationId, message);
            focusComposer();
          }}
        >
          <CornerUpLeft size={15} aria-hidden />
        </IconButton>
      </div>
      {failed && <Failure message={message} />}
    </article>
  );
}

function Meta({ message, own }: { message: Message; own: boolean }) {
  return (
    <div className="mt-0.5 flex items-center justify-end gap-1 text-2xs text-ink-2">
      {message.edited && <span>Edited</span>}
      <time dateTime={message.createdAt} title={times(message)} className="tabular">
        {clock(message.createdAt)}
      </time>
      {own && <Delivery message={message} />}
    </div>
  );
}

function times(message: Message): string {
  const stored = fullTime(message.createdAt);
  return message.providerAt ? `${stored}\nProvider's time: ${fullTime(message.providerAt)}` : stored;
}

function Mark({ icon, children }: { icon: React.ReactNode; children: React.ReactNode }) {
  return (
    <p className="mb-0.5 flex items-center gap-1 text-2xs font-medium text-ink-2">
      {icon}
      {children}
    </p>
  );
}

function Referral({ referral }: { referral: NonNullable<Message["referral"]> }) {
  return (
    <div className="mb-1.5 rounded-lg bg-sunken px-2.5 py-1.5 text-xs">
      <p className="flex items-center gap-1 text-ink-2">
        <Megaphone size={12} aria-hidden /> Came from {referral.sourceType === "post" ? "a post" : "an advertisement"}
      </p>
      {referral.headline && <p className="font-medium">{referral.headline}</p>}
      {referral.body && <p className="text-ink-2">{referral.body}</p>}
      {referral.sourceUrl && <p className="truncate text-ink-2">{referral.sourceUrl}</p>}
    </div>
  );
}

function Reactions({ reactions, own }: { reactions: Message["reactions"]; own: boolean }) {
  return (
    <p className={cx("-mb-4 flex pt-0.5", own ? "justify-start" : "justify-end")}>
      {reactions.map((reaction) => (
        <span
          key={`${reaction.emoji}${reaction.at}`}
          role="img"
          aria-label={`Reaction ${reaction.emoji}`}
          title={fullTime(reaction.at)}
          className="rounded-full border border-line bg-raised px-1.5 py-0.5 text-xs shadow-sm"
        >
          {reaction.emoji}
        </span>
      ))}
    </p>
  );
}

function Failure({ message }: { message: Message }) {
  const { actions } = useWorkspace();
  const [busy, setBusy] = useState(false);
  const retry = () => {
    setBusy(true);
    void actions.retry(message).finally(() => setBusy(false));
  };
  return (
    <div className="mt-1 flex max-w-[88%] items-center gap-2 px-1 md:max-w-[75%]">
      <p className="text-xs text-danger">
        <span className="font-medium">Not delivered.</span> {message.failure?.reason}
      </p>
      <Button size="sm" disabled={busy} onClick={retry}>
        <RotateCw size={13} aria-hidden /> Retry
      </Button>
    </div>
  );
}

/** A failed message that was sent again: one line, with the whole behind it. */
function Folded({ message, thread }: { message: Message; thread: Thread }) {
  const [open, setOpen] = useState(false);
  return (
    <div className="flex flex-col items-end">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen((was) => !was)}
        className="inline-flex max-w-[75%] items-center gap-1 rounded-md px-1.5 py-0.5 text-xs text-ink-2 hover:bg-sunken"
      >
        <ChevronRight size={13} aria-hidden className={cx("shrink-0 transition-transform", open && "rotate-90")} />
        <span className="truncate">
          Not delivered at {clock(message.createdAt)}, sent again: {message.text || describe(message)}
        </span>
      </button>
      {open && (
        <div className="mt-1 w-full opacity-90">
          <div className="flex flex-col items-end">
            <div className="max-w-[75%] rounded-2xl rounded-br-md border border-line px-3 py-2">
              <Content message={message} thread={thread} />
              <Meta message={message} own />
            </div>
            <p className="mt-1 max-w-[75%] px-1 text-xs text-danger">{message.failure?.reason}</p>
          </div>
        </div>
      )}
    </div>
  );
}

function Notice({ message, thread }: { message: Message; thread: Thread }) {
  return (
    <div className="flex justify-center">
      <div className="max-w-[80%] rounded-lg bg-sunken px-3 py-1 text-center text-xs text-ink-2">
        <Content message={message} thread={thread} />
      </div>
    </div>
  );
}
