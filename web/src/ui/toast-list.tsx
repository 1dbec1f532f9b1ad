import { CircleAlert, Info, X } from "lucide-react";
import { useValue } from "../lib/value";
import type { Toasts } from "./toasts";

/** The notes on the screen, read out as they come. They lie under the header, over the oldest lines, and never over the text field. */
export function ToastList({ toasts }: { toasts: Toasts }) {
  const list = useValue(toasts.list);
  return (
    <div role="status" className="pointer-events-none absolute inset-x-0 top-18 z-50 md:left-94 lg:left-102 flex flex-col items-center gap-2 px-4">
      {list.map((toast) => (
        <div
          key={toast.id}
          className="appear pointer-events-auto flex max-w-md items-center gap-2.5 rounded-xl bg-[light-dark(#1c2027,#eef0f4)] py-1.5 pr-1.5 pl-3.5 text-[light-dark(#f4f5f8,#15181e)] shadow-pop"
        >
          {toast.tone === "error" ? (
            <CircleAlert size={16} aria-hidden className="shrink-0 text-[light-dark(#ffaaa2,#b3261e)]" />
          ) : (
            <Info size={16} aria-hidden className="shrink-0" />
          )}
          <span className="py-1">{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              className="rounded-md px-2 py-1 font-semibold whitespace-nowrap underline underline-offset-2"
              onClick={() => {
                toasts.dismiss(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button
            type="button"
            aria-label="Dismiss"
            className="flex size-7 shrink-0 items-center justify-center rounded-lg opacity-70 hover:opacity-100"
            onClick={() => toasts.dismiss(toast.id)}
          >
            <X size={15} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}
