import { useEffect, useState } from "react";

interface Disposable {
  dispose(): void;
}

/**
 * Makes something that must be ended, and ends it when the key changes or the component goes. Returns null in between, so that what
 * belongs to an old key is never shown under a new one. `make` is called anew only for a new key.
 */
export function useResource<T extends Disposable>(key: string | null, make: () => T): T | null {
  const [held, setHeld] = useState<{ key: string; resource: T } | null>(null);
  useEffect(() => {
    if (key === null) return;
    const resource = make();
    setHeld({ key, resource });
    return () => {
      resource.dispose();
      setHeld(null);
    };
    // oxlint-disable-next-line react/exhaustive-deps -- the key says when to make it anew
  }, [key]);
  return held && held.key === key ? held.resource : null;
}
