import { Hourglass, Lock } from "lucide-react";
import { useEffect, useState } from "react";
import { useNow } from "../lib/now";
import { fullTime, timeLeft } from "../lib/time";
import type { Conversation } from "../store/live";

type Window = Conversation["replyWindow"];

const soon = 2 * 60 * 60 * 1000;

/** Whether free text can be sent now: as the server said, and no longer than the server said. */
export function useWindowOpen(window: Window): boolean {
  const { open, closesAt } = window;
  const [over, setOver] = useState<string | null>(null);
  useEffect(() => {
    if (!open || closesAt === null) return;
    // At most a day ahead, so the delay fits a timer.
    const timer = setTimeout(() => setOver(closesAt), Math.max(Date.parse(closesAt) - Date.now(), 0));
    return () => clearTimeout(timer);
  }, [open, closesAt]);
  return open && (closesAt === null || closesAt !== over);
}

/** How long the agent may still answer in free text. */
export function ReplyWindow({ window }: { window: Window }) {
  const now = useNow(1000);
  if (window.reason === "UNLIMITED") return <span />;
  const closes = window.closesAt === null ? null : Date.parse(window.closesAt);
  const left = closes === null ? 0 : closes - now;
  if (!window.open || left <= 0) {
    return (
      <p className="inline-flex items-center gap-1.5 text-xs font-medium text-danger">
        <Lock size={13} aria-hidden /> Reply window closed
      </p>
    );
  }
  return (
    <p
      title={window.closesAt ? `Closes ${fullTime(window.closesAt)}` : undefined}
      className={`tabular inline-flex items-center gap-1.5 text-xs ${left < soon ? "font-medium text-warn" : "text-ink-2"}`}
    >
      <Hourglass size={13} aria-hidden /> {timeLeft(closes ?? now, now)} left to reply freely
    </p>
  );
}
