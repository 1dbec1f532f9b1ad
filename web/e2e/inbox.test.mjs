import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as accessible from "./cases/axe.mjs";
import * as arrive from "./cases/arrive.mjs";
import * as claim from "./cases/claim.mjs";
import * as deliver from "./cases/deliver.mjs";
import * as keyboard from "./cases/keyboard.mjs";
import * as lifecycle from "./cases/lifecycle.mjs";
import * as network from "./cases/network.mjs";
import * as session from "./cases/session.mjs";
import { openWorld } from "./world.mjs";

const suites = { arrive, claim, deliver, lifecycle, keyboard, network, axe: accessible, session };
const only = process.env.E2E_ONLY?.split(",");

describe("agent app", { concurrency: false, timeout: 600_000 }, () => {
  let world;
  before(async () => {
    world = await openWorld();
  });
  after(async () => {
    await world?.browser.close();
  });
  for (const [name, { cases }] of Object.entries(suites)) {
    if (only && !only.includes(name)) continue;
    for (const [title, run] of Object.entries(cases)) {
      test(`${name}: ${title}`, { timeout: 120_000 }, async (t) => {
        world.note = (text) => t.diagnostic(text);
        for (const agent of world.agents) agent.complaints.length = 0;
        await run(world);
        // The browser complains about blocked scripts and styles, refused requests and errors in the page.
        for (const agent of world.agents) assert.deepEqual(agent.complaints, []);
      });
    }
  }
});
