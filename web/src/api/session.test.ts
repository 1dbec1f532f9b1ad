import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { savedKey } from "./saved";
import { Session } from "./session";

/** The browser's storage. */
class Memory {
  saved = new Map<string, string>();
  getItem = (key: string) => this.saved.get(key) ?? null;
  setItem = (key: string, value: string) => void this.saved.set(key, value);
  removeItem = (key: string) => void this.saved.delete(key);
}

const viewer = { agent: { id: "ada", name: "Ada", email: "", role: "AGENT" }, tenant: { id: "t", slug: "demo", name: "Demo" }, teams: [] };
const life = 900_000;

interface Call {
  refreshToken: string;
  clientNonce: string;
}

function answer(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
}

/** The server: hands out r1, r2, … and takes each once, or again with the same nonce, as the real one does. */
function fakeServer() {
  const state = { calls: [] as Call[], spent: new Map<string, string>(), next: 1, lose: 0, refuse: false };
  const serve = async (_: unknown, init?: RequestInit) => {
    const { input } = (JSON.parse(String(init?.body)) as { variables: { input: Call } }).variables;
    state.calls.push(input);
    const known = state.spent.get(input.refreshToken);
    if (state.refuse || (known !== undefined && !known.startsWith(`${input.clientNonce}:`))) {
      return answer({ errors: [{ message: "the sign-in has ended", extensions: { code: "UNAUTHENTICATED" } }] });
    }
    const successor = known?.split(":")[1] ?? `r${(state.next += 1)}`;
    state.spent.set(input.refreshToken, `${input.clientNonce}:${successor}`);
    if (state.lose > 0) {
      state.lose -= 1;
      throw new TypeError("the network is gone");
    }
    const expiresAt = new Date(Date.now() + life).toISOString();
    return answer({ data: { refresh: { accessToken: `a-${successor}`, expiresAt, refreshToken: successor, viewer } } });
  };
  return { state, serve };
}

describe("Session", () => {
  const storage = new Memory();
  let server = fakeServer();

  beforeEach(() => {
    vi.useFakeTimers();
    server = fakeServer();
    storage.saved.clear();
    storage.setItem(savedKey, JSON.stringify({ refreshToken: "r1" }));
    vi.stubGlobal("localStorage", storage);
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("document", { addEventListener: () => {} });
    vi.stubGlobal("addEventListener", () => {});
    vi.stubGlobal("fetch", server.serve);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const saved = () => JSON.parse(storage.getItem(savedKey) ?? "null") as { refreshToken: string; nonce: string | null } | null;

  it("goes on where the last page left off, and keeps the successor", async () => {
    const session = new Session();
    await session.restore();
    expect(session.state.get()).toMatchObject({ kind: "signedIn", viewer: { agent: { id: "ada" } } });
    expect(await session.token()).toBe("a-r2");
    expect(saved()).toEqual({ refreshToken: "r2", nonce: null });
    expect(JSON.stringify([...storage.saved])).not.toContain("a-r2");
  });

  it("repeats a trade whose answer was lost with the same nonce, also after a reload", async () => {
    server.state.lose = 1;
    const session = new Session();
    await expect(session.token()).rejects.toMatchObject({ code: "NETWORK" });
    expect(saved()?.refreshToken).toBe("r1");
    const reloaded = new Session();
    expect(await reloaded.token()).toBe("a-r2");
    const [first, second] = server.state.calls;
    expect(second).toEqual(first);
    expect(first?.clientNonce.length).toBeGreaterThanOrEqual(16);
  });

  it("trades once for all who ask at the same time", async () => {
    const session = new Session();
    expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(["a-r2", "a-r2", "a-r2"]);
    expect(server.state.calls).toHaveLength(1);
  });

  it("renews before the token expires, and tells the live connection", async () => {
    const session = new Session();
    const renewed = vi.fn();
    session.renewed = renewed;
    await session.token();
    await vi.advanceTimersByTimeAsync(life - 60_001);
    expect(renewed).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(2);
    expect(renewed).toHaveBeenCalledTimes(2);
    expect(await session.token()).toBe("a-r3");
  });

  it("takes a new token after the server refused the old one, and only then", async () => {
    const session = new Session();
    const token = await session.token();
    session.refuse("some older token");
    expect(await session.token()).toBe(token);
    session.refuse(token);
    expect(await session.token()).toBe("a-r3");
  });

  it("ends when the server ends it, and leaves nothing behind", async () => {
    server.state.refuse = true;
    const session = new Session();
    await session.restore();
    expect(session.state.get()).toEqual({ kind: "signedOut", reason: "Your session has ended. Sign in again." });
    expect(saved()).toBeNull();
  });
});
