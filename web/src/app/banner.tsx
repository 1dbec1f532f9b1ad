import { CloudOff, LoaderCircle } from "lucide-react";
import { useNow } from "../lib/now";
import { useValue } from "../lib/value";
import { useWorkspace } from "./workspace";

const patience = 1200;

/**
 * Says plainly that the page is not live, and what becomes of what the agent does meanwhile. A connection that is back within a moment is
 * not worth a word.
 */
export function Banner() {
  const { live, outbox } = useWorkspace();
  const state = useValue(live.link.state);
  const waiting = useValue(outbox.items).filter((item) => !item.refusal).length;
  const now = useNow(500);
  const down = (state.kind === "offline" || state.kind === "reconnecting") && (state.kind === "offline" || now - state.since > patience);
  return (
    <div role="status" aria-label="Connection">
      {down && (
        <div className="flex min-h-9 flex-wrap items-center justify-center gap-x-2.5 border-b border-line bg-warn-soft px-4 py-1.5 text-center text-sm text-warn">
          {state.kind === "offline" ? (
            <CloudOff size={16} aria-hidden className="shrink-0" />
          ) : (
            <LoaderCircle size={16} aria-hidden className="shrink-0 animate-spin" />
          )}
          <span>
            {state.kind === "offline"
              ? "You are offline. Messages you send will go out when the connection is back; if the customer has written by then, you are asked first."
              : "Reconnecting… New messages may not show yet. What you send is kept and goes out."}
            {waiting > 0 && ` ${waiting === 1 ? "1 message is" : `${waiting} messages are`} waiting.`}
          </span>
          {state.kind === "reconnecting" && (
            <button type="button" className="rounded font-semibold underline underline-offset-2" onClick={() => live.link.retryNow()}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
