import { describe, expect, it } from "vitest";
import { message } from "../test/message";
import { unmatched } from "./merge";
import type { Outgoing } from "./outbox";

function waiting(key: string, text: string, change: Partial<Outgoing> = {}): Outgoing {
  return { key, input: { conversationId: "c", text, expectedLastSeq: 5 }, createdAt: "", tried: true, refusal: null, ...change };
}

const keys = (items: Outgoing[]) => items.map((item) => item.key);

describe("unmatched", () => {
  it("hides a waiting message whose event has come before its answer", () => {
    expect(unmatched([waiting("a", "Hello")], [message({ seq: 6 })], "ada")).toEqual([]);
  });

  it("hides one for one: the same words twice are two messages", () => {
    expect(keys(unmatched([waiting("a", "Hello"), waiting("b", "Hello")], [message({ seq: 6 })], "ada"))).toEqual(["b"]);
  });

  it("shows what the same words of earlier, of a colleague or of the customer do not stand for", () => {
    for (const other of [message({ seq: 5 }), message({ seq: 6, author: { id: "ben", name: "Ben" } }), message({ seq: 6, direction: "INBOUND", author: null })]) {
      expect(keys(unmatched([waiting("a", "Hello")], [other], "ada"))).toEqual(["a"]);
    }
  });

  it("shows what was never tried or was refused", () => {
    const refused = waiting("b", "Hello", { refusal: { code: "CONFLICT", message: "" } });
    expect(keys(unmatched([waiting("a", "Hello", { tried: false }), refused], [message({ seq: 6 })], "ada"))).toEqual(["a", "b"]);
  });
});
