import { describe, expect, it, vi } from "vitest";
import { formatRoute, parseRoute } from "../app/route-path";
import { linkify } from "./linkify";
import { Table } from "./table";
import { shortAge, snoozePresets, timeLeft } from "./time";
import { uuid } from "./uuid";

describe("Table", () => {
  it("keeps the highest version, whatever the order", () => {
    const table = new Table<{ id: string; version: number; text: string }>();
    table.put({ id: "a", version: 2, text: "new" });
    table.put({ id: "a", version: 1, text: "old" });
    expect(table.get("a")?.text).toBe("new");
    table.put({ id: "a", version: 2, text: "same version, fresh address" });
    expect(table.get("a")?.text).toBe("same version, fresh address");
  });

  it("tells only those who watch the row", () => {
    const table = new Table<{ id: string; version: number }>();
    const a = vi.fn();
    const b = vi.fn();
    const stop = table.subscribe("a", a);
    table.subscribe("b", b);
    table.put({ id: "a", version: 1 });
    stop();
    table.put({ id: "a", version: 2 });
    expect(a).toHaveBeenCalledOnce();
    expect(b).not.toHaveBeenCalled();
  });
});

function links(text: string): string[] {
  return linkify(text).flatMap((piece) => piece.href ?? []);
}

describe("linkify", () => {
  it("links http and https and nothing else", () => {
    expect(links("see https://example.test/a?b=1. Bye")).toEqual(["https://example.test/a?b=1"]);
    expect(links("javascript:alert(1) data:text/html,x ftp://x mailto:a@b")).toEqual([]);
    expect(links("https://")).toEqual([]);
  });

  it("loses no character", () => {
    for (const text of ["", "plain", "a https://b.test/c, d (https://e.test)", "https://a.test https://b.test"]) {
      expect(
        linkify(text)
          .map((piece) => piece.text)
          .join(""),
      ).toBe(text);
    }
  });
});

describe("time", () => {
  const now = new Date(2026, 10, 20, 15, 0).getTime(); // a Friday
  const back = (minutes: number) => new Date(now - minutes * 60_000).toISOString();

  it("says how long ago, short", () => {
    expect(shortAge(back(0.5), now)).toBe("now");
    expect(shortAge(back(5), now)).toBe("5m");
    expect(shortAge(back(-3), now)).toBe("now");
    expect(shortAge(back(24 * 60), now)).toMatch(/^[A-Z][a-z]{2}$/);
  });

  it("counts down in two units", () => {
    expect(timeLeft(now + 23 * 3_600_000 + 600_000, now)).toBe("23h 10m");
    expect(timeLeft(now + 65_000, now)).toBe("1m 5s");
    expect(timeLeft(now - 1, now)).toBe("0s");
  });

  it("offers times ahead only, each once", () => {
    for (let day = 0; day < 7; day += 1) {
      const at = now + day * 86_400_000;
      const times = snoozePresets(at).map((preset) => preset.until.getTime());
      expect(Math.min(...times)).toBeGreaterThan(at + 60_000);
      expect(new Set(times).size).toBe(times.length);
    }
  });
});

describe("route", () => {
  it("comes back as it went", () => {
    const id = "0198c5a2-0000-7000-8000-000000000001";
    for (const conversationId of [null, id]) {
      const route = { tab: "all", status: "snoozed", conversationId } as const;
      const [path = "", search = ""] = formatRoute(route).split("?");
      expect(parseRoute(path, search)).toEqual(route);
    }
  });

  it("takes nonsense for the start", () => {
    expect(parseRoute("/c/<script>", "?tab=x&status=y")).toEqual({ tab: "mine", status: "open", conversationId: null });
  });
});

describe("uuid", () => {
  it("makes one without crypto.randomUUID too", () => {
    vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.fill(255) });
    expect(uuid()).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
    vi.unstubAllGlobals();
  });
});
