import { Bell, BellRing } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useNow } from "../lib/now";
import { fullTime, shortAge } from "../lib/time";
import { useValue } from "../lib/value";
import type { Alert, Alerts } from "../store/alerts";
import { IconButton } from "../ui/button";
import { Popover } from "../ui/popover";
import { useWorkspace } from "./workspace";

const kinds: Record<Alert["kind"], string> = {
  STUCK: "Message stuck",
  BREAKER_OPEN: "Provider failing",
  RATE_LIMITED: "Rate limited",
  NEEDS_REAUTH: "Credentials refused",
  TEMPLATE_MISSING: "Template refused",
  FOLLOW_UP: "Follow up by hand",
  TOKEN_REUSE: "Sign-in ended",
};

/** The open alerts of the business, for those who supervise. */
export function AlertsBell({ alerts }: { alerts: Alerts }) {
  const { toasts } = useWorkspace();
  const open = useValue(alerts.open);
  const arrived = useValue(alerts.arrived);
  const [shown, setShown] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (arrived) toasts.error(`${kinds[arrived.kind]}: ${arrived.message}`);
  }, [arrived, toasts]);
  const Icon = open.length > 0 ? BellRing : Bell;
  return (
    <>
      <IconButton
        ref={anchor}
        label={open.length > 0 ? `Alerts, ${open.length} open` : "Alerts"}
        aria-haspopup="dialog"
        aria-expanded={shown}
        className="relative size-10"
        onClick={() => setShown((was) => !was)}
      >
        <Icon size={20} aria-hidden className={open.length > 0 ? "text-danger" : undefined} />
        {open.length > 0 && (
          <span className="tabular absolute top-0 right-0 flex h-4 min-w-4 items-center justify-center rounded-full bg-danger px-1 text-2xs font-semibold text-surface ring-2 ring-surface">
            {open.length}
          </span>
        )}
      </IconButton>
      {shown && (
        <Popover anchor={anchor} label="Alerts" onClose={() => setShown(false)} className="max-h-[70dvh] w-88 max-w-[calc(100vw-1rem)] overflow-y-auto">
          <h2 className="sticky top-0 border-b border-line bg-raised px-4 py-3 font-semibold">Alerts</h2>
          {open.length === 0 && <p className="px-4 py-6 text-center text-ink-2">Nothing needs your attention.</p>}
          <ul className="divide-y divide-line">
            {open.map((alert) => (
              <AlertRow key={alert.id} alert={alert} onClose={() => setShown(false)} />
            ))}
          </ul>
        </Popover>
      )}
    </>
  );
}

function AlertRow({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const { router } = useWorkspace();
  const now = useNow(30_000);
  const { conversationId } = alert;
  return (
    <li className="px-4 py-3">
      <p className="flex items-baseline gap-2">
        <span className="font-medium text-danger">{kinds[alert.kind]}</span>
        <span className="grow truncate text-xs text-ink-2">{alert.channelAccount?.name}</span>
        <time dateTime={alert.openedAt} title={fullTime(alert.openedAt)} className="tabular text-xs text-ink-3">
          {shortAge(alert.openedAt, now)}
        </time>
      </p>
      <p className="mt-0.5 text-ink-2">{alert.message}</p>
      {conversationId && (
        <button
          type="button"
          className="mt-1.5 rounded font-medium text-accent underline-offset-2 hover:underline"
          onClick={() => {
            onClose();
            router.go({ conversationId });
          }}
        >
          Open the conversation
        </button>
      )}
    </li>
  );
}
