import type { ComponentProps } from "react";
import { cx } from "../lib/cx";

type Tone = "primary" | "plain" | "quiet" | "danger";

const tones: Record<Tone, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "border border-line bg-surface text-ink hover:bg-sunken",
  quiet: "text-ink-2 hover:bg-sunken hover:text-ink",
  danger: "border border-line bg-surface text-danger hover:bg-danger-soft",
};

type Props = ComponentProps<"button"> & { tone?: Tone; size?: "sm" | "md" };

export function Button({ tone = "plain", size = "md", className, type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      className={cx(
        "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-lg font-medium whitespace-nowrap transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-60",
        size === "sm" ? "h-7 px-2.5 text-xs" : "h-9 px-3 text-sm",
        tones[tone],
        className,
      )}
      {...rest}
    />
  );
}

type IconProps = ComponentProps<"button"> & { label: string; shortcut?: string };

/** A button that shows only an icon; the label is its name, and its tooltip together with the key that does the same. */
export function IconButton({ label, shortcut, className, type = "button", ...rest }: IconProps) {
  return (
    <button
      type={type}
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
      className={cx(
        "inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-ink-2 transition-colors hover:bg-sunken hover:text-ink",
        "disabled:cursor-not-allowed disabled:opacity-50",
        className,
      )}
      {...rest}
    />
  );
}
