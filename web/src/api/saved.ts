/**
 * Where the refresh token is kept between page loads.
 *
 * localStorage, not sessionStorage: a duplicated tab copies sessionStorage, two tabs would then use one single-use token, and the
 * server would rightly take the second use for theft and end the sign-in. With one shared place and a lock around the trade every
 * tab takes the newest token in turn. Neither storage is safe from a script that runs in this page; that is what the
 * Content-Security-Policy and trusted types are for. A cookie would need a second, cookie-based door into the API, and with it
 * protection against forged cross-site requests.
 */
export const savedKey = "switchboard.session";

export interface Saved {
  refreshToken: string;
  /** The nonce of a trade that has had no answer yet. */
  nonce: string | null;
}

export function readSaved(): Saved | null {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(savedKey) ?? "null");
    if (typeof parsed !== "object" || parsed === null || !("refreshToken" in parsed)) return null;
    if (typeof parsed.refreshToken !== "string") return null;
    const nonce = "nonce" in parsed && typeof parsed.nonce === "string" ? parsed.nonce : null;
    return { refreshToken: parsed.refreshToken, nonce };
  } catch {
    return null;
  }
}

export function writeSaved(saved: Saved | null): void {
  if (saved === null) localStorage.removeItem(savedKey);
  else localStorage.setItem(savedKey, JSON.stringify(saved));
}

/** Runs the trade while no other tab of this browser trades. Where locks do not exist (plain HTTP), it just runs. */
export function withRefreshLock<T>(trade: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return trade();
  return navigator.locks.request(savedKey, trade);
}
