import { Value } from "../lib/value";

export interface Toast {
  id: number;
  tone: "info" | "error";
  text: string;
  action: { label: string; run: () => void } | null;
}

const shownFor = 6000;

/** Short notes at the edge of the screen. They only repeat what the screen itself shows or what the agent just tried. */
export class Toasts {
  readonly list = new Value<readonly Toast[]>([]);
  #next = 1;

  info(text: string, action: Toast["action"] = null): void {
    this.#add("info", text, action);
  }

  error(text: string, action: Toast["action"] = null): void {
    this.#add("error", text, action);
  }

  dismiss = (id: number): void => {
    this.list.update((list) => list.filter((toast) => toast.id !== id));
  };

  #add(tone: Toast["tone"], text: string, action: Toast["action"]): void {
    const id = this.#next;
    this.#next += 1;
    this.list.update((list) => [...list.filter((toast) => toast.text !== text).slice(-2), { id, tone, text, action }]);
    setTimeout(() => this.dismiss(id), shownFor);
  }
}
