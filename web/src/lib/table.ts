import { useCallback, useSyncExternalStore } from "react";

interface Row {
  id: string;
  version: number;
}

/**
 * Rows by id, the highest version of each. The same conversation arrives from queries, mutations and several streams, in no
 * particular order between them; the version decides, so that an answer that was overtaken never shows an older state.
 */
export class Table<T extends Row> {
  #rows = new Map<string, T>();
  #listeners = new Map<string, Set<() => void>>();

  get = (id: string): T | undefined => this.#rows.get(id);

  /** Stores the row unless a newer one is here; returns the one that is here afterwards. */
  put(row: T): T {
    const known = this.#rows.get(row.id);
    if (known && known.version > row.version) return known;
    this.#rows.set(row.id, row);
    const listeners = this.#listeners.get(row.id);
    if (listeners) for (const listener of listeners) listener();
    return row;
  }

  subscribe(id: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }
}

/** Returns the row and renders again when it, and only it, changes; undefined when it is not here. */
export function useRow<T extends Row>(table: Table<T>, id: string | undefined): T | undefined {
  const subscribe = useCallback(
    (listener: () => void) => (id === undefined ? () => {} : table.subscribe(id, listener)),
    [table, id],
  );
  return useSyncExternalStore(subscribe, () => (id === undefined ? undefined : table.get(id)));
}
