import { type FormEvent, type RefObject, useState } from "react";
import { useWorkspace } from "../app/workspace";
import { localInput, snoozePresets, whenAhead } from "../lib/time";
import type { Conversation } from "../store/live";
import { Button } from "../ui/button";
import { MenuItem, Popover } from "../ui/popover";

interface Props {
  anchor: RefObject<HTMLElement | null>;
  conversation: Conversation;
  onClose: () => void;
}

const minute = 60_000;

/** The times to set a conversation aside until. */
export function SnoozeMenu({ anchor, conversation, onClose }: Props) {
  const { actions } = useWorkspace();
  const [now] = useState(() => Date.now());
  const [custom, setCustom] = useState(false);
  const snooze = (until: Date) => {
    onClose();
    void actions.snooze(conversation, until);
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const until = new Date(String(new FormData(event.currentTarget).get("until")));
    if (!Number.isNaN(until.getTime())) snooze(until);
  };
  if (custom) {
    return (
      <Popover anchor={anchor} label="Snooze until" onClose={onClose} className="w-72 p-4">
        <form onSubmit={submit} className="flex flex-col gap-3">
          <label htmlFor="snooze-until" className="font-medium">
            Snooze until
          </label>
          <input
            id="snooze-until"
            name="until"
            type="datetime-local"
            required
            data-autofocus
            defaultValue={localInput(new Date(now + 60 * minute))}
            min={localInput(new Date(now + 2 * minute))}
            max={localInput(new Date(now + 364 * 24 * 60 * minute))}
            className="h-9 rounded-lg border border-edge bg-surface px-2.5"
          />
          <Button type="submit" tone="primary">
            Snooze
          </Button>
        </form>
      </Popover>
    );
  }
  return (
    <Popover key="presets" anchor={anchor} role="menu" label="Snooze" onClose={onClose} className="w-64 p-1.5">
      <p role="presentation" className="px-2.5 pt-1.5 pb-2 text-xs text-ink-2">
        Set aside until then, or until the customer writes
      </p>
      {snoozePresets(now).map(({ label, until }) => (
        <MenuItem key={label} hint={whenAhead(until.toISOString(), now)} onSelect={() => snooze(until)}>
          {label}
        </MenuItem>
      ))}
      <hr className="my-1.5 border-line" />
      <MenuItem onSelect={() => setCustom(true)}>Choose a time…</MenuItem>
      {conversation.status === "SNOOZED" && (
        <MenuItem
          onSelect={() => {
            onClose();
            void actions.reopen(conversation.id);
          }}
        >
          Wake now
        </MenuItem>
      )}
    </Popover>
  );
}
