import { Check, CheckCheck, CircleAlert, Clock3 } from "lucide-react";
import { useRef, useState } from "react";
import { useNow } from "../lib/now";
import { clock, fullTime, timeLeft } from "../lib/time";
import type { Message } from "../store/live";
import { Popover } from "../ui/popover";

const words: Partial<Record<Message["status"], string>> = {
  QUEUED: "Waiting to be sent",
  SENT: "Sent",
  DELIVERED: "Delivered",
  READ: "Read",
  FAILED: "Not delivered",
};

const holds: Record<NonNullable<Message["hold"]>["reason"], string> = {
  BREAKER: "The provider fails for the whole account. It is tried every minute, and all messages go out when it recovers.",
  RATE_LIMIT: "A rate limit, of the account or of this person, is reached. It goes out when the limit resets.",
  REAUTH: "The provider refuses the account's credentials. It goes out when they are renewed.",
};

const outcomes: Record<Message["attempts"][number]["outcome"], string> = {
  SENDING: "Under way",
  ACCEPTED: "Taken by the provider",
  REJECTED: "Refused",
  UNKNOWN: "No answer: it cannot be known. A receipt may still tell.",
};

/** The ticks: clock, one, two, two blue. A press explains how the message has fared, call by call. */
export function Delivery({ message }: { message: Message }) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const word = words[message.status] ?? message.status;
  return (
    <>
      <button
        ref={anchor}
        type="button"
        data-status={message.status}
        aria-label={`${word}. Show details`}
        aria-haspopup="dialog"
        aria-expanded={open}
        title={word}
        onClick={() => setOpen((was) => !was)}
        className="-my-1 -mr-1 inline-flex size-6 items-center justify-center rounded hover:bg-sunken"
      >
        <Tick status={message.status} />
      </button>
      {open && (
        <Popover anchor={anchor} label="How it was delivered" onClose={() => setOpen(false)} className="max-h-[70dvh] w-80 max-w-[calc(100vw-1rem)] overflow-y-auto p-4">
          <Why message={message} word={word} />
        </Popover>
      )}
    </>
  );
}

function Tick({ status }: { status: Message["status"] }) {
  if (status === "QUEUED") return <Clock3 size={13} aria-hidden />;
  if (status === "SENT") return <Check size={15} aria-hidden />;
  if (status === "DELIVERED") return <CheckCheck size={15} aria-hidden />;
  if (status === "READ") return <CheckCheck size={15} aria-hidden className="text-tick" />;
  return <CircleAlert size={14} aria-hidden className="text-danger" />;
}

function Why({ message, word }: { message: Message; word: string }) {
  return (
    <div className="flex flex-col gap-3" tabIndex={-1} data-autofocus>
      <h3 className="font-semibold">{word}</h3>
      {message.failure && (
        <p className="rounded-lg bg-danger-soft px-3 py-2 text-danger">
          {message.failure.reason} <span className="tabular text-xs whitespace-nowrap">(code {message.failure.code})</span>
        </p>
      )}
      {message.hold && <Hold hold={message.hold} />}
      <ol className="flex flex-col gap-2.5">
        <Step at={message.createdAt} what="Queued" />
        {message.attempts.map((attempt) => (
          <Step
            key={attempt.number}
            at={attempt.finishedAt ?? attempt.startedAt}
            what={`Call ${attempt.number}: ${outcomes[attempt.outcome]}`}
            detail={[attempt.class && attemptClass(attempt.class), attempt.reason, attempt.code && `code ${attempt.code}`].filter(Boolean).join(" · ")}
          />
        ))}
        {message.deliveredAt && <Step at={message.deliveredAt} what="On the customer's device" />}
        {message.readAt && <Step at={message.readAt} what="Seen by the customer" />}
      </ol>
      {message.attempts.length === 0 && message.status === "QUEUED" && !message.hold && <p className="text-ink-2">It has not been handed to the provider yet.</p>}
      {message.correlationId && (
        <p className="text-xs text-ink-2">
          Triggered by another system as <span className="font-medium break-all text-ink">{message.correlationId}</span>
        </p>
      )}
    </div>
  );
}

function Hold({ hold }: { hold: NonNullable<Message["hold"]> }) {
  const now = useNow(1000);
  const left = Date.parse(hold.until) - now;
  return (
    <div className="rounded-lg bg-warn-soft px-3 py-2 text-warn">
      <p>{holds[hold.reason]}</p>
      <p className="tabular mt-1 text-xs">
        Held since {clock(hold.since)}, {left > 0 ? `looked at again in ${timeLeft(Date.parse(hold.until), now)}` : "about to be looked at again"}
      </p>
    </div>
  );
}

function Step({ at, what, detail }: { at: string; what: string; detail?: string }) {
  return (
    <li className="flex gap-3">
      <time dateTime={at} title={fullTime(at)} className="tabular w-10 shrink-0 text-xs leading-5 text-ink-3">
        {clock(at)}
      </time>
      <span className="min-w-0">
        {what}
        {detail && <span className="block text-xs break-words text-ink-2">{detail}</span>}
      </span>
    </li>
  );
}

const classes: Record<string, string> = {
  TRANSIENT: "Passing trouble",
  RATE_LIMITED: "Rate limit",
  PERMANENT: "For good",
  INVALID_RECIPIENT: "Unreachable recipient",
  TEMPLATE_MISSING: "Template refused",
  AUTH: "Credentials refused",
};

function attemptClass(name: string): string {
  return classes[name] ?? name;
}
