import { Clock3 } from "lucide-react";
import { useWorkspace } from "../app/workspace";
import type { LinkState } from "../api/link";
import { cx } from "../lib/cx";
import { clock } from "../lib/time";
import { useValue, type Value } from "../lib/value";
import type { Outgoing } from "../store/outbox";
import type { Thread } from "../store/thread";
import { Button } from "../ui/button";
import { focusComposer } from "../app/shortcuts";

/** A message on its way to the server: looks as it will look, with a clock, or says why the server does not take it. */
export function OutgoingBubble({ item, thread, offline }: { item: Outgoing; thread: Thread; offline: Value<LinkState> }) {
  const away = useValue(offline).kind === "offline";
  const { refusal, input } = item;
  return (
    <article aria-label="On its way" data-outgoing={item.key} className="mt-1 flex flex-col items-end">
      <div className={cx("max-w-[88%] rounded-2xl rounded-br-md px-3 py-2 md:max-w-[75%]", refusal ? "border border-danger bg-danger-soft" : "bg-own")}>
        <p dir="auto" className="break-words whitespace-pre-wrap">
          {input.text ?? `Template ${input.template?.name ?? ""}`}
        </p>
        <p className="mt-0.5 flex items-center justify-end gap-1 text-2xs text-ink-2">
          {away && !refusal && <span>Waiting for the connection</span>}
          <time dateTime={item.createdAt} className="tabular">
            {clock(item.createdAt)}
          </time>
          <Clock3 size={13} role="img" aria-label="Not sent yet" />
        </p>
      </div>
      {refusal && <Refused item={item} thread={thread} />}
    </article>
  );
}

function Refused({ item, thread }: { item: Outgoing; thread: Thread }) {
  const { outbox, drafts } = useWorkspace();
  const { refusal, input } = item;
  if (!refusal) return null;
  const newer = refusal.code === "CONFLICT";
  const edit = () => {
    const taken = outbox.discard(item.key);
    if (taken?.input.text) {
      drafts.set(input.conversationId, taken.input.text);
      dispatchEvent(new CustomEvent("draft", { detail: input.conversationId }));
      focusComposer();
    }
  };
  return (
    <div role="alert" className="mt-1 flex max-w-[88%] flex-wrap items-center justify-end gap-2 px-1 md:max-w-[75%]">
      <p className="text-xs text-danger">
        <span className="font-medium">Not sent.</span> {newer ? `${refusal.message} Is your answer still right?` : refusal.message}
      </p>
      <span className="flex gap-2">
        {refusal.code !== "REPLY_WINDOW_CLOSED" && refusal.code !== "INVALID" && (
          <Button size="sm" tone="primary" onClick={() => outbox.sendAnyway(item.key, thread.lastSeq())}>
            Send anyway
          </Button>
        )}
        {input.text && (
          <Button size="sm" onClick={edit}>
            Edit
          </Button>
        )}
        <Button size="sm" onClick={() => outbox.discard(item.key)}>
          Discard
        </Button>
      </span>
    </div>
  );
}
