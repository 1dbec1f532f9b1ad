import { type Client, createClient, type FormattedExecutionResult, type Sink, type SubscribePayload } from "graphql-ws";
import { Value } from "../lib/value";
import type { Session } from "./session";

/** How the live connection stands. `retryAt` is when it is tried again by itself. */
export type LinkState =
  | { kind: "connecting" }
  | { kind: "online" }
  | { kind: "reconnecting"; since: number; retryAt: number }
  | { kind: "offline"; since: number };

export type Frame = FormattedExecutionResult<Record<string, unknown>, unknown>;

const pingEvery = 10_000;
const pongWithin = 5_000;
const longestDelay = 5_000;
/** A connection that has held for so long counts as good; one that is closed right after it opened does not reset the pauses. */
const goodAfter = 2_000;

/**
 * The one WebSocket of this tab. It never resubscribes by itself: a stream that breaks asks for its turn and subscribes again with
 * its newest cursor, which graphql-ws's own retry, made for one fixed payload, would not do. All streams share the turns, so that a
 * server that comes back meets one connection a tab and not one a stream.
 */
export class Link {
  readonly state = new Value<LinkState>({ kind: "connecting" });

  #client: Client;
  #session: Session;
  #failures = 0;
  #connectedAt = Infinity;
  #moving = false;
  #streams = 0;
  #turn: Promise<void> | null = null;
  #go: () => void = () => {};
  #pong: ReturnType<typeof setTimeout> | undefined;
  #stop = new AbortController();

  constructor(session: Session, url: string) {
    this.#session = session;
    let token = "";
    this.#client = createClient({
      // graphql-ws opens a new socket by itself where the server closed the old one as if all were well; that waits its turn as well.
      url: async () => {
        await this.turn();
        return url;
      },
      retryAttempts: 0,
      lazyCloseTimeout: 5_000,
      keepAlive: pingEvery,
      connectionAckWaitTimeout: 10_000,
      connectionParams: async () => {
        token = await session.token();
        return { authorization: `Bearer ${token}` };
      },
      on: {
        connected: () => this.#connected(),
        closed: (event) => this.#closed(event, token),
        ping: (received) => {
          // A network that swallows packets closes nothing. Only a missing answer tells.
          if (!received) this.#pong = setTimeout(() => this.#client.terminate(), pongWithin);
        },
        pong: (received) => {
          if (received) clearTimeout(this.#pong);
        },
      },
    });
    const signal = this.#stop.signal;
    addEventListener("offline", () => this.#offline(), { signal });
    addEventListener("online", () => this.#back(), { signal });
    if (!navigator.onLine) this.#offline();
  }

  /** Opens one subscription on the socket; connects if need be. */
  subscribe(payload: SubscribePayload, sink: Sink<Frame>): () => void {
    let counted = true;
    this.#streams += 1;
    const end = () => {
      if (counted) this.#streams -= 1;
      counted = false;
    };
    const close = this.#client.subscribe<Record<string, unknown>>(payload, {
      next: (frame) => sink.next(frame),
      error: (reason) => {
        end();
        sink.error(reason);
      },
      complete: () => {
        end();
        sink.complete();
      },
    });
    return () => {
      end();
      close();
    };
  }

  /** Resolves when a broken stream may try again: at once on a live socket, else after the pause that the failures so far demand. */
  turn(): Promise<void> {
    const state = this.state.get();
    if (state.kind === "online" || state.kind === "connecting") return Promise.resolve();
    this.#turn ??= new Promise<void>((resolve) => {
      const wait = state.kind === "reconnecting" ? state.retryAt - Date.now() : longestDelay;
      const timer = setTimeout(() => this.#go(), Math.max(wait, 0));
      this.#go = () => {
        clearTimeout(timer);
        this.#turn = null;
        this.#go = () => {};
        resolve();
      };
    });
    return this.#turn;
  }

  /** Ends the pause before the next try. */
  retryNow(): void {
    this.#go();
  }

  /** Moves to a new socket that is opened with the newest access token. Streams go on at their cursors. */
  renew(): void {
    if (this.state.get().kind !== "online") return;
    this.#moving = true;
    this.#client.terminate();
  }

  dispose(): void {
    this.#stop.abort();
    clearTimeout(this.#pong);
    void this.#client.dispose();
  }

  #connected(): void {
    this.#connectedAt = Date.now();
    this.state.set({ kind: "online" });
  }

  #closed(event: unknown, token: string): void {
    clearTimeout(this.#pong);
    if (this.#stop.signal.aborted) return;
    if (this.#moving) {
      // Only the close of the old socket is nothing to speak of; one of the new socket is trouble like any other.
      this.#moving = false;
      return;
    }
    const code = closeCode(event);
    // Nothing was open any more: graphql-ws closes an idle socket so.
    if (code === 1000 && this.#streams === 0) return this.state.set({ kind: "connecting" });
    if (code === 4401 || code === 4403) this.#session.refuse(token);
    if (!navigator.onLine || this.state.get().kind === "offline") return this.#offline();
    const state = this.state.get();
    const since = state.kind === "reconnecting" || state.kind === "offline" ? state.since : Date.now();
    if (Date.now() - this.#connectedAt > goodAfter) this.#failures = 0;
    this.#connectedAt = Infinity;
    const full = Math.min(longestDelay, 250 * 2 ** this.#failures);
    this.#failures += 1;
    // Half fixed, half random: a thousand tabs must not come back in the same millisecond.
    this.state.set({ kind: "reconnecting", since, retryAt: Date.now() + full / 2 + Math.random() * (full / 2) });
  }

  #back(): void {
    const state = this.state.get();
    if (state.kind === "offline") this.state.set({ kind: "reconnecting", since: state.since, retryAt: Date.now() });
    this.retryNow();
  }

  #offline(): void {
    const state = this.state.get();
    if (state.kind === "offline") return;
    const since = state.kind === "reconnecting" ? state.since : Date.now();
    this.state.set({ kind: "offline", since });
    this.#client.terminate();
  }
}

/** Returns the code of a close event, or 0 for anything else, such as a connection that was refused. */
export function closeCode(event: unknown): number {
  if (typeof event === "object" && event !== null && "code" in event && typeof event.code === "number") return event.code;
  return 0;
}
