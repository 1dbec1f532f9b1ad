import { cx } from "../lib/cx";

/** The sign and the name. */
export function Brand({ compact = false }: { compact?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2.5">
      <svg viewBox="0 0 32 32" aria-hidden className={cx(compact ? "size-8" : "size-9")}>
        <rect width="32" height="32" rx="9" className="fill-[#4150d0]" />
        <path d="M9.4 11.5h9.1a4.5 4.5 0 0 1 0 9H14" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
        <circle cx="9.6" cy="20.5" r="2.4" fill="#fff" />
      </svg>
      <span className={compact ? "sr-only" : "text-xl font-semibold tracking-tight"}>Switchboard</span>
    </span>
  );
}
