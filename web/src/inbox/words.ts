import type { Message } from "../store/live";

type Described = Pick<Message, "kind" | "label" | "deleted" | "text">;

const kinds: Record<Message["kind"], string> = {
  TEXT: "Message",
  IMAGE: "Photo",
  AUDIO: "Voice message",
  VIDEO: "Video",
  DOCUMENT: "Document",
  STICKER: "Sticker",
  LOCATION: "Location",
  CONTACTS: "Contact",
  INTERACTIVE: "Answer",
  ORDER: "Order",
  SYSTEM: "Notice",
  TEMPLATE: "Template",
  REACTION: "Reaction",
  EDIT: "Edit",
  DELETION: "Deletion",
  UNSUPPORTED: "Message",
};

/** Returns what a message is, in a word or two, where its content cannot be shown. */
export function describe(message: Described): string {
  if (message.deleted) return "Deleted message";
  if (message.kind === "UNSUPPORTED") return message.label ? `${sentence(message.label)} message` : "Message of a new type";
  return kinds[message.kind];
}

/** Returns a provider's name of a type as words: "poll_creation" is "Poll creation". */
export function sentence(label: string): string {
  const words = label.replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const units = ["B", "kB", "MB", "GB"] as const;

/** Returns a size as a person reads it. */
export function fileSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? ""}`;
}
