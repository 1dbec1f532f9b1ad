import { useSyncExternalStore } from "react";

/** A value that can be watched. What is put in must be immutable: watchers compare by identity. */
export class Value<T> {
  #current: T;
  #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#current = initial;
  }

  get = (): T => this.#current;

  set(next: T): void {
    if (Object.is(next, this.#current)) return;
    this.#current = next;
    for (const listener of this.#listeners) listener();
  }

  update(change: (current: T) => T): void {
    this.set(change(this.#current));
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** Returns the value and renders again when it changes. */
export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.subscribe, value.get);
}
