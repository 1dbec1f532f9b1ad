import { useEffect, useState } from "react";
import { asApiError } from "../api/errors";
import type { Message } from "../store/live";
import type { Thread } from "../store/thread";
import { Dialog } from "../ui/dialog";
import { describe } from "./words";

interface Props {
  message: Message;
  thread: Thread;
  onClose: () => void;
}

/** A message exactly as the provider sent it. */
export function RawDialog({ message, thread, onClose }: Props) {
  const [raw, setRaw] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    thread
      .raw(message)
      .then((text) => !gone && setRaw(text === null ? "Nothing is stored for this message." : pretty(text)))
      .catch((thrown: unknown) => !gone && setTrouble(asApiError(thrown).message));
    return () => {
      gone = true;
    };
    // The message is the same one while the dialog is open, whatever new version of it comes in.
    // oxlint-disable-next-line react/exhaustive-deps -- see above
  }, [message.id, thread]);
  return (
    <Dialog title={`${describe(message)}, as the provider sent it`} wide onClose={onClose}>
      {trouble ? (
        <p role="alert" className="text-danger">
          {trouble}
        </p>
      ) : raw === null ? (
        <div aria-hidden className="skeleton h-40" />
      ) : (
        <pre tabIndex={0} className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs leading-5 break-words whitespace-pre-wrap">
          {raw}
        </pre>
      )}
    </Dialog>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
