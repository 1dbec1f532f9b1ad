import { type ComponentProps, useId } from "react";
import { cx } from "../lib/cx";

type Props = ComponentProps<"input"> & { label: string; hint?: string };

/** A text field with its label, and a hint that is read out with it. */
export function Field({ label, hint, className, ...rest }: Props) {
  const id = useId();
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <input
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="h-10 w-full min-w-0 rounded-lg border border-edge bg-surface px-3 text-base text-ink placeholder:text-ink-3 sm:h-9 sm:text-sm"
        {...rest}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-ink-2">
          {hint}
        </p>
      )}
    </div>
  );
}
