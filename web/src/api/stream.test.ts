import type { Sink, SubscribePayload } from "graphql-ws";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AlertEventsDocument, type AlertEventsSubscription, type AlertEventsSubscriptionVariables } from "../gql/graphql";
import type { ApiError } from "./errors";
import type { Frame } from "./link";
import { openStream, type StreamOptions } from "./stream";

type Item = AlertEventsSubscription["alertEvents"];

/** A link that only remembers what was asked of it; the test plays the server. */
class FakeLink {
  opened: { after: unknown; sink: Sink<Frame>; closed: boolean }[] = [];
  turns = 0;
  subscribe(payload: SubscribePayload, sink: Sink<Frame>) {
    const one = { after: payload.variables?.after, sink, closed: false };
    this.opened.push(one);
    return () => {
      one.closed = true;
    };
  }
  turn() {
    this.turns += 1;
    return Promise.resolve();
  }
  get last() {
    const last = this.opened.at(-1);
    if (!last) throw new Error("nothing is open");
    return last;
  }
}

const item = (cursor: string) => ({ data: { alertEvents: { __typename: "AlertEvent", cursor, alert: { id: cursor } } } });
const resync = { data: { alertEvents: { __typename: "Resync", cursor: "r", reason: "TOO_SLOW" } } };
const refusal = (code: string) => ({ errors: [{ message: "no", extensions: { code } }] }) as unknown as Frame;

function follow(link: FakeLink, after: string | null = "0") {
  const got: string[] = [];
  const refused: ApiError[] = [];
  const onResync = vi.fn();
  const options: StreamOptions<AlertEventsSubscription, AlertEventsSubscriptionVariables, Item> = {
    document: AlertEventsDocument,
    variables: {},
    after,
    pick: (data) => data.alertEvents,
    onItem: (one) => got.push(one.cursor),
    onResync,
    onRefused: (error) => refused.push(error),
  };
  return { end: openStream(link, options), got, refused, onResync };
}

describe("openStream", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("starts at the cursor of the query and hands items on in order", () => {
    const link = new FakeLink();
    const { got } = follow(link, "7");
    expect(link.last.after).toBe("7");
    link.last.sink.next(item("8"));
    link.last.sink.next(item("9"));
    expect(got).toEqual(["8", "9"]);
  });

  it("goes on at the last item after the socket broke, and hears nothing of the old one", async () => {
    const link = new FakeLink();
    const { got } = follow(link);
    const old = link.last;
    old.sink.next(item("1"));
    old.sink.next(item("2"));
    old.sink.error({ code: 1006 });
    await vi.advanceTimersByTimeAsync(1);
    expect(link.turns).toBe(1);
    expect(link.last.after).toBe("2");
    old.sink.next(item("3"));
    link.last.sink.next(item("3"));
    expect(got).toEqual(["1", "2", "3"]);
  });

  it("reads the cursor when the payload is sent, not when it is made", () => {
    const link = new FakeLink();
    let payload: SubscribePayload | undefined;
    link.subscribe = (sent, sink) => {
      payload = sent;
      sink.next(item("5"));
      return () => {};
    };
    follow(link);
    expect(JSON.parse(JSON.stringify(payload)).variables.after).toBe("5");
  });

  it("ends at a resync and asks for a fresh start", async () => {
    const link = new FakeLink();
    const { got, onResync } = follow(link);
    link.last.sink.next(resync);
    link.last.sink.next(item("9"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(onResync).toHaveBeenCalledOnce();
    expect(got).toEqual([]);
    expect(link.opened).toHaveLength(1);
    expect(link.last.closed).toBe(true);
  });

  it("tries again, slower and slower, while the server has passing trouble", async () => {
    const link = new FakeLink();
    const { refused } = follow(link);
    link.last.sink.next(refusal("UNAVAILABLE"));
    await vi.advanceTimersByTimeAsync(250);
    expect(link.opened).toHaveLength(2);
    link.last.sink.complete();
    await vi.advanceTimersByTimeAsync(250);
    expect(link.opened).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(250);
    expect(link.opened).toHaveLength(3);
    expect(refused).toEqual([]);
  });

  it("gives up when it is refused for good", async () => {
    const link = new FakeLink();
    const { refused } = follow(link);
    link.last.sink.next(refusal("NOT_FOUND"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(refused.map((error) => error.code)).toEqual(["NOT_FOUND"]);
    expect(link.opened).toHaveLength(1);
  });

  it("is silent once it was ended", async () => {
    const link = new FakeLink();
    const { end, got } = follow(link);
    end();
    link.last.sink.next(item("1"));
    link.last.sink.error({ code: 1006 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(got).toEqual([]);
    expect(link.opened).toHaveLength(1);
  });
});
