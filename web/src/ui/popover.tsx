import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { cx } from "../lib/cx";

interface Props {
  anchor: RefObject<HTMLElement | null>;
  label: string;
  role?: "dialog" | "menu";
  onClose: () => void;
  children: ReactNode;
  className?: string;
}

const gap = 6;
const margin = 8;

/**
 * A box beside its anchor, in the browser's top layer, so that no scrolling pane clips it. Closes on Escape and on a press outside, and
 * gives the focus back to the anchor. Arrow keys move between the items of a menu.
 */
export function Popover({ anchor, label, role = "dialog", onClose, children, className }: Props) {
  const ref = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const box = ref.current;
    const from = anchor.current;
    if (!box || !from) return;
    box.showPopover();
    const place = () => {
      const a = from.getBoundingClientRect();
      const b = box.getBoundingClientRect();
      const below = a.bottom + gap + b.height <= innerHeight - margin || a.top < b.height + gap + margin;
      const top = below ? Math.min(a.bottom + gap, innerHeight - margin - b.height) : a.top - gap - b.height;
      const right = a.right - b.width;
      const left = right >= margin ? right : Math.min(a.left, innerWidth - margin - b.width);
      box.style.top = `${Math.max(top, margin)}px`;
      box.style.left = `${Math.max(left, margin)}px`;
    };
    place();
    const watch = new ResizeObserver(place);
    watch.observe(box);
    box.querySelector<HTMLElement>("[data-autofocus], [role=menuitem], button, input, a[href]")?.focus({ preventScroll: true });
    return () => {
      watch.disconnect();
      if (box.contains(document.activeElement) || document.activeElement === document.body) from.focus({ preventScroll: true });
    };
  }, [anchor]);

  useEffect(() => {
    const press = (event: PointerEvent) => {
      const target = event.target as Node;
      if (!ref.current?.contains(target) && !anchor.current?.contains(target)) onClose();
    };
    document.addEventListener("pointerdown", press, true);
    return () => document.removeEventListener("pointerdown", press, true);
  }, [anchor, onClose]);

  const keys = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape" || (event.key === "Tab" && role === "menu")) {
      event.preventDefault();
      onClose();
    } else if (role === "menu" && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const items = [...(ref.current?.querySelectorAll<HTMLElement>("[role=menuitem], [role=menuitemradio]") ?? [])];
      const at = items.indexOf(document.activeElement as HTMLElement);
      items.at((at + (event.key === "ArrowDown" ? 1 : -1)) % items.length)?.focus();
    }
  };

  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- its role is always one of dialog and menu
    <div
      ref={ref}
      popover="manual"
      role={role}
      aria-label={label}
      tabIndex={-1}
      onKeyDown={keys}
      className={cx("appear fixed inset-auto m-0 rounded-xl text-left text-sm font-normal border border-line bg-raised text-ink shadow-pop", className)}
    >
      {children}
    </div>
  );
}

interface ItemProps {
  onSelect: () => void;
  children: ReactNode;
  hint?: ReactNode;
  icon?: ReactNode;
  checked?: boolean;
}

/** One line of a menu. */
export function MenuItem({ onSelect, children, hint, icon, checked }: ItemProps) {
  return (
    <button
      type="button"
      role={checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={checked}
      tabIndex={-1}
      onClick={onSelect}
      className={cx(
        "flex h-9 w-full items-center gap-2.5 rounded-lg px-2.5 text-left text-sm hover:bg-sunken focus:bg-sunken focus:outline-none",
        checked && "font-medium text-accent",
      )}
    >
      {icon}
      <span className="min-w-0 grow truncate">{children}</span>
      {hint && <span className="tabular text-xs text-ink-3">{hint}</span>}
    </button>
  );
}
