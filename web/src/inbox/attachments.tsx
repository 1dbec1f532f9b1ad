import { Download, FileText, FileWarning, LoaderCircle } from "lucide-react";
import { useState } from "react";
import { asApiError } from "../api/errors";
import { useWorkspace } from "../app/workspace";
import type { Message } from "../store/live";
import type { Thread } from "../store/thread";
import { Dialog } from "../ui/dialog";
import { describe, fileSize } from "./words";

type Attachment = Message["attachments"][number];

interface Props {
  message: Message;
  thread: Thread;
}

/** The files of a message. Each has its place at once, whether it is here yet or not, so that nothing jumps when it comes. */
export function Attachments({ message, thread }: Props) {
  return message.attachments.map((file) => <File key={file.id} file={file} message={message} thread={thread} />);
}

function File({ file, message, thread }: Props & { file: Attachment }) {
  const url = useFreshUrl(file, message, thread);
  const kind = file.mimeType.split("/")[0];
  if (file.state === "FAILED") return <Line icon={<FileWarning size={18} aria-hidden />} title={`${describe(message)} could not be fetched`} detail={file.failedReason ?? ""} />;
  const picture = kind === "image" && file.mimeType !== "image/svg+xml";
  if (file.state === "PENDING") {
    if (picture) return <div className="skeleton h-48 w-64 max-w-full rounded-lg" role="img" aria-label={`${describe(message)}, being fetched`} />;
    return <Line icon={<LoaderCircle size={18} aria-hidden className="animate-spin" />} title={file.filename || describe(message)} detail="Being fetched" />;
  }
  if (picture && url.address) return <Picture file={file} message={message} address={url.address} onTrouble={url.renew} />;
  if (kind === "audio" && url.address) {
    return <audio controls preload="metadata" src={url.address} onError={url.renew} aria-label={describe(message)} className="h-11 w-64 max-w-full" />;
  }
  if (kind === "video" && url.address) {
    return <video controls preload="metadata" src={url.address} onError={url.renew} aria-label={describe(message)} className="h-56 w-72 max-w-full rounded-lg bg-black" />;
  }
  return <DocumentLine file={file} message={message} thread={thread} />;
}

function Picture({ file, message, address, onTrouble }: { file: Attachment; message: Message; address: string; onTrouble: () => void }) {
  const [open, setOpen] = useState(false);
  const alt = message.text ? `Photo: ${message.text}` : file.filename || describe(message);
  if (message.kind === "STICKER") return <img src={address} alt="Sticker" onError={onTrouble} className="size-32 object-contain" />;
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} aria-label={`${alt}. Enlarge`} className="-mx-1 w-64 max-w-[calc(100%+0.5rem)] min-w-[calc(100%+0.5rem)] overflow-hidden rounded-lg">
        <img src={address} alt="" onError={onTrouble} loading="lazy" className="h-48 w-full bg-sunken object-cover" />
      </button>
      {open && (
        <Dialog title={file.filename || describe(message)} wide onClose={() => setOpen(false)}>
          <img src={address} alt={alt} className="mx-auto max-h-[65dvh] rounded-lg object-contain" />
        </Dialog>
      )}
    </>
  );
}

function DocumentLine({ file, message, thread }: Props & { file: Attachment }) {
  const { live, toasts } = useWorkspace();
  const [busy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      // Always with a new address: the one that came with the message has most likely expired.
      await thread.refresh(message);
      const newest = live.messages.get(message.id)?.attachments.find((one) => one.id === file.id);
      if (newest?.downloadUrl) location.assign(newest.downloadUrl);
    } catch (thrown) {
      toasts.error(asApiError(thrown).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" disabled={busy} onClick={() => void download()} className="rounded-lg text-left" aria-label={`Download ${file.filename || describe(message)}`}>
      <Line
        icon={<FileText size={18} aria-hidden />}
        title={file.filename || describe(message)}
        detail={[file.mimeType.split("/")[1]?.toUpperCase(), file.size !== null && fileSize(file.size)].filter(Boolean).join(" · ")}
        end={<Download size={16} aria-hidden className="text-ink-3" />}
      />
    </button>
  );
}

function Line({ icon, title, detail, end }: { icon: React.ReactNode; title: string; detail: string; end?: React.ReactNode }) {
  return (
    <span className="flex min-w-52 items-center gap-3 rounded-lg bg-sunken px-3 py-2">
      <span className="shrink-0 text-ink-2">{icon}</span>
      <span className="min-w-0 grow">
        <span className="block truncate font-medium">{title}</span>
        <span className="block text-xs text-ink-2">{detail}</span>
      </span>
      {end}
    </span>
  );
}

/**
 * Returns the address of a file. Every event of a message brings a new signed address of the same file; taking each would load the picture
 * anew and make it flicker, so the first one stays until it fails, and is renewed once then.
 */
function useFreshUrl(file: Attachment, message: Message, thread: Thread): { address: string | null; renew: () => void } {
  const { live } = useWorkspace();
  const [address, setAddress] = useState(file.url);
  const [renewed, setRenewed] = useState(false);
  if (address === null && file.url !== null) setAddress(file.url);
  const renew = () => {
    if (renewed) return;
    setRenewed(true);
    void thread
      .refresh(message)
      .then(() => setAddress(live.messages.get(message.id)?.attachments.find((one) => one.id === file.id)?.url ?? null))
      .catch(() => {});
  };
  return { address, renew };
}
