import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, networkError } from "../api/errors";
import type { LinkState } from "../api/link";
import type { SendMessageMutation, SendMessageMutationVariables } from "../gql/graphql";
import { Value } from "../lib/value";
import { message } from "../test/message";
import { Outbox, type OutboxServer } from "./outbox";

class Memory {
  saved = new Map<string, string>();
  getItem = (key: string) => this.saved.get(key) ?? null;
  setItem = (key: string, value: string) => void this.saved.set(key, value);
}

type Input = SendMessageMutationVariables["input"];

/** The server: keeps what it took by key, as the real one does, and fails as told. */
class FakeServer implements OutboxServer {
  calls: Input[] = [];
  taken = new Map<string, number>();
  seq = 10;
  trouble: (ApiError | "lost" | null)[] = [];
  async mutate(_: unknown, { input }: SendMessageMutationVariables): Promise<SendMessageMutation> {
    this.calls.push(input);
    const trouble = this.trouble.shift() ?? null;
    if (trouble instanceof ApiError) throw trouble;
    const key = input.idempotencyKey ?? "";
    if (!this.taken.has(key)) this.taken.set(key, (this.seq += 1));
    if (trouble === "lost") throw networkError();
    const seq = this.taken.get(key) ?? 0;
    return { sendMessage: { message: message({ id: `m${seq}`, seq, text: input.text ?? "" }) } };
  }
}

const online: LinkState = { kind: "online" };
const offline: LinkState = { kind: "offline", since: 0 };

function setUp(state: LinkState = online, storage = new Memory()) {
  const server = new FakeServer();
  const link = new Value<LinkState>(state);
  const accepted: string[] = [];
  const outbox = new Outbox(server, link, "ada", (one) => accepted.push(one.text), storage);
  const send = (text: string, expectedLastSeq = 10) => outbox.send({ conversationId: "c", text, expectedLastSeq });
  return { server, link, accepted, outbox, send, storage };
}

describe("Outbox", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("sends in order, one after the other, and forgets what was acknowledged", async () => {
    const { server, accepted, outbox, send } = setUp();
    send("one");
    send("two");
    expect(server.calls.map((call) => call.text)).toEqual(["one"]);
    await vi.advanceTimersByTimeAsync(0);
    expect(accepted).toEqual(["one", "two"]);
    expect(outbox.items.get()).toEqual([]);
  });

  it("does not take the agent's own message before for news", async () => {
    const { server, send } = setUp();
    send("one");
    send("two");
    await vi.advanceTimersByTimeAsync(0);
    expect(server.calls.map((call) => call.expectedLastSeq)).toEqual([10, 11]);
  });

  it("keeps the view that the message was written on when somebody else wrote in between", async () => {
    const { server, send } = setUp();
    server.seq = 11; // one message has come that the agent had not seen
    send("one");
    send("two");
    await vi.advanceTimersByTimeAsync(0);
    expect(server.calls.map((call) => call.expectedLastSeq)).toEqual([10, 10]);
  });

  it("sends again with the same key and the same input when the answer is lost: one message", async () => {
    const { server, accepted, send } = setUp();
    server.trouble = ["lost", "lost"];
    send("one");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(new Set(server.calls.map((call) => JSON.stringify(call))).size).toBe(1);
    expect(server.calls).toHaveLength(3);
    expect(server.taken.size).toBe(1);
    expect(accepted).toEqual(["one"]);
  });

  it("waits while offline and goes out when the connection is back", async () => {
    const { server, link, accepted, send } = setUp(offline);
    send("one");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.calls).toEqual([]);
    link.set(online);
    await vi.advanceTimersByTimeAsync(0);
    expect(accepted).toEqual(["one"]);
  });

  it("does not wait out its pause when the connection is back", async () => {
    const { server, link, accepted, send } = setUp();
    server.trouble = [networkError(), networkError(), networkError(), networkError()];
    send("one");
    await vi.advanceTimersByTimeAsync(8000);
    link.set({ kind: "reconnecting", since: 0, retryAt: 0 });
    server.trouble = [];
    link.set(online);
    await vi.advanceTimersByTimeAsync(0);
    expect(accepted).toEqual(["one"]);
  });

  it("survives a reload with its keys, for the same agent only", async () => {
    const storage = new Memory();
    const before = setUp(online, storage);
    before.server.trouble = ["lost"];
    before.send("one");
    await vi.advanceTimersByTimeAsync(0);
    const [key] = before.outbox.items.get().map((item) => item.key);
    before.outbox.dispose();

    const other = new Outbox(new FakeServer(), new Value(online), "ben", () => {}, storage);
    expect(other.items.get()).toEqual([]);
    const after = setUp(online, storage);
    await vi.advanceTimersByTimeAsync(0);
    expect(after.server.calls.map((call) => call.idempotencyKey)).toEqual([key]);
    expect(after.accepted).toEqual(["one"]);
  });

  it("stops at a refusal, holds what comes after it, and sends anyway under a new key when told to", async () => {
    const { server, accepted, outbox, send } = setUp();
    server.trouble = [new ApiError("CONFLICT", "A newer message has arrived.", { lastSeq: 12 })];
    send("one");
    send("two");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.calls).toHaveLength(1);
    const refused = outbox.items.get()[0];
    expect(refused?.refusal?.code).toBe("CONFLICT");
    outbox.sendAnyway(refused?.key ?? "", 12);
    await vi.advanceTimersByTimeAsync(0);
    expect(accepted).toEqual(["one", "two"]);
    expect(server.calls[1]?.expectedLastSeq).toBe(12);
    expect(server.calls[1]?.idempotencyKey).not.toBe(server.calls[0]?.idempotencyKey);
  });

  it("asks the agent about a message that was tried so long ago that its key is forgotten", () => {
    const storage = new Memory();
    const before = setUp(offline, storage);
    before.send("one");
    const [item] = before.outbox.items.get();
    storage.setItem("switchboard.outbox.ada", JSON.stringify([{ ...item, tried: true, createdAt: "2026-01-01T00:00:00Z" }]));
    const after = setUp(online, storage);
    expect(after.server.calls).toEqual([]);
    expect(after.outbox.items.get()[0]?.refusal?.code).toBe("NETWORK");
  });
});
