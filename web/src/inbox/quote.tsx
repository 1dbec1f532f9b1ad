import type { Message } from "../store/live";
import { describe } from "./words";

type Quoted = NonNullable<Message["replyTo"]>;

/** The message that another one answers, in short. A press goes to it when it is on the screen. */
export function Quote({ message }: { message: Quoted }) {
  const show = () => {
    const bubble = document.querySelector(`[data-message="${CSS.escape(message.id)}"]`);
    bubble?.scrollIntoView({ block: "center", behavior: "smooth" });
  };
  return (
    <button
      type="button"
      onClick={show}
      className="mb-1.5 block w-full max-w-full rounded-md border-l-3 border-accent bg-[light-dark(rgb(20_24_40/0.05),rgb(255_255_255/0.07))] px-2.5 py-1 text-left text-xs"
    >
      <span className="block font-medium">{message.direction === "INBOUND" ? "Customer" : (message.author?.name ?? "You")}</span>
      <span dir="auto" className="block truncate text-ink-2">
        {message.text || describe(message)}
      </span>
    </button>
  );
}
