import { Globe, Mail, MessageCircle, MessageSquareText } from "lucide-react";
import type { ReactNode } from "react";
import type { Channel } from "../gql/graphql";
import { cx } from "../lib/cx";

const hues = [
  "bg-[light-dark(#e5e9fb,#2c3260)] text-[light-dark(#33409c,#c3cbff)]",
  "bg-[light-dark(#e1f2ea,#1c3a2c)] text-[light-dark(#15603b,#97dfb8)]",
  "bg-[light-dark(#fbe9dd,#43291a)] text-[light-dark(#8a4213,#f4bb94)]",
  "bg-[light-dark(#f5e4f1,#40243a)] text-[light-dark(#84296d,#eeaede)]",
  "bg-[light-dark(#dff0f5,#173842)] text-[light-dark(#125a70,#93d5e8)]",
  "bg-[light-dark(#f4edd7,#3a3217)] text-[light-dark(#6b5407,#e3cc7e)]",
] as const;

/** A round with a person's initials. Decoration: the name always stands beside it. The colour is always the same for an id. */
export function Avatar({ name, id, size = "md" }: { name: string; id: string; size?: "xs" | "sm" | "md" | "lg" }) {
  let hash = 0;
  for (let i = 0; i < id.length; i += 1) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  const sizes = { xs: "size-5 text-[0.5625rem]", sm: "size-7 text-2xs", md: "size-10 text-sm", lg: "size-14 text-lg" };
  return (
    <span
      aria-hidden
      className={cx("inline-flex shrink-0 items-center justify-center rounded-full font-semibold select-none", sizes[size], hues[hash % hues.length])}
    >
      {initials(name)}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /\p{L}/u.test(word));
  if (words.length === 0) return "#";
  const first = [...(words[0] ?? "")][0] ?? "";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}

const channelNames: Record<Channel, string> = {
  WHATSAPP: "WhatsApp",
  EMAIL: "Email",
  SMS: "SMS",
  WEBCHAT: "Webchat",
  MESSENGER: "Messenger",
  INSTAGRAM: "Instagram",
};

export function channelName(channel: Channel): string {
  return channelNames[channel];
}

/** The mark of a channel. */
export function ChannelIcon({ channel, size = 14 }: { channel: Channel; size?: number }) {
  const Icon = channel === "EMAIL" ? Mail : channel === "SMS" ? MessageSquareText : channel === "WEBCHAT" ? Globe : MessageCircle;
  return <Icon size={size} role="img" aria-label={channelNames[channel]} />;
}

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-md border border-line bg-sunken px-1.5 font-sans text-2xs font-medium text-ink-2">
      {children}
    </kbd>
  );
}

/** What stands where there is nothing to show. */
export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-2 p-8 text-center">
      <div className="mb-1 flex size-12 items-center justify-center rounded-2xl bg-sunken text-ink-3">{icon}</div>
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-64 text-sm text-balance text-ink-2">{children}</div>}
    </div>
  );
}
