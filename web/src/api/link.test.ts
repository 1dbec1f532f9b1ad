import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Link } from "./link";
import type { Session } from "./session";

/** The browser's WebSocket; the test plays the network and the server. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: { type: string }[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as { type: string });
  }
  close(code: number) {
    // As in a browser: the event comes later, not out of the call.
    setTimeout(() => this.drop(code));
  }
  async accept() {
    this.readyState = 1;
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
    this.answer({ type: "connection_ack" });
    await vi.advanceTimersByTimeAsync(0);
  }
  answer(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  drop(code: number) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason: "", wasClean: false });
  }
}

const sockets = () => FakeSocket.all;
const last = () => {
  const socket = FakeSocket.all.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
};

describe("Link", () => {
  const listeners = new Map<string, () => void>();
  const refuse = vi.fn();
  const session = { token: () => Promise.resolve("a-1"), refuse } as unknown as Session;

  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.all = [];
    listeners.clear();
    refuse.mockClear();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("navigator", { onLine: true });
    vi.stubGlobal("addEventListener", (name: string, listener: () => void) => listeners.set(name, listener));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function connected() {
    const link = new Link(session, "ws://test/graphql");
    const sink = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    link.subscribe({ query: "subscription { a }" }, sink);
    await vi.advanceTimersByTimeAsync(0);
    await last().accept();
    return { link, sink };
  }

  it("presents the token in connection_init and is online when the server agrees", async () => {
    const { link } = await connected();
    expect(last().sent[0]).toEqual({ type: "connection_init", payload: { authorization: "Bearer a-1" } });
    expect(link.state.get().kind).toBe("online");
  });

  it("says so when the socket breaks, and gives one turn to all streams after a pause", async () => {
    const { link, sink } = await connected();
    last().drop(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state.get().kind).toBe("reconnecting");
    expect(sink.error).toHaveBeenCalledOnce();
    const turns = [link.turn(), link.turn()];
    expect(turns[0]).toBe(turns[1]);
    await vi.advanceTimersByTimeAsync(250);
    await Promise.all(turns);
    expect(sockets()).toHaveLength(1);
  });

  it("pauses longer after each failure, never more than five seconds", async () => {
    const { link } = await connected();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      last().drop(1006);
      await vi.advanceTimersByTimeAsync(0);
      const state = link.state.get();
      pauses.push(state.kind === "reconnecting" ? state.retryAt - Date.now() : -1);
      link.subscribe({ query: "subscription { a }" }, { next: () => {}, error: () => {}, complete: () => {} });
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(pauses[0]).toBeLessThanOrEqual(250);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(2_500);
  });

  it("finds out about a network that swallows everything", async () => {
    const { link, sink } = await connected();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(last().sent.at(-1)).toEqual({ type: "ping" });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(link.state.get().kind).toBe("reconnecting");
    expect(sink.error).toHaveBeenCalledOnce();
  });

  it("does not take an answered ping for trouble", async () => {
    const { link } = await connected();
    for (let i = 0; i < 4; i += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      last().answer({ type: "pong" });
    }
    expect(link.state.get().kind).toBe("online");
  });

  it("moves to a new token without a word, and without a pause", async () => {
    const { link, sink } = await connected();
    link.renew();
    await vi.advanceTimersByTimeAsync(0);
    expect(sink.error).toHaveBeenCalledOnce();
    expect(link.state.get().kind).toBe("online");
    await link.turn();
  });

  it("says so when the move to a new token fails", async () => {
    const { link } = await connected();
    link.renew();
    await vi.advanceTimersByTimeAsync(0);
    link.subscribe({ query: "subscription { a }" }, { next: () => {}, error: () => {}, complete: () => {} });
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets()).toHaveLength(2);
    last().drop(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state.get().kind).toBe("reconnecting");
  });

  it("asks for a new token when the server refuses this one", async () => {
    await connected();
    last().drop(4403);
    await vi.advanceTimersByTimeAsync(0);
    expect(refuse).toHaveBeenCalledWith("a-1");
  });

  it("knows when the machine is offline, and comes back at once when it is not", async () => {
    const { link } = await connected();
    listeners.get("offline")?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state.get().kind).toBe("offline");
    const turn = link.turn();
    listeners.get("online")?.();
    await turn;
    expect(link.state.get().kind).toBe("reconnecting");
  });
});
