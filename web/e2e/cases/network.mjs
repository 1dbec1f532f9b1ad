import assert from "node:assert/strict";
import { bubbles, eventually, inboundTexts, newCustomer, open, reply, row, showAll } from "../world.mjs";

/** Waits until the customer's bubbles are exactly these, in this order: nothing lost, nothing doubled. */
async function expectInbound(page, texts) {
  await eventually(async () => assert.deepEqual(await inboundTexts(page), texts));
}

/** Waits until the server has acknowledged everything: what only looks sent is still kept. */
async function expectOutboxEmpty(page) {
  await page.waitForFunction(() =>
    Object.entries(sessionStorage).every(([key, value]) => !key.startsWith("switchboard.outbox.") || value === "[]"),
  );
}

const numbered = (word, count) => Array.from({ length: count }, (_, i) => `${word} ${i + 1}`);

export const cases = {
  async "offline while messages flow: nothing is lost, nothing is doubled, and the page says how it stands"(world) {
    const { page, context } = world.agents[0];
    const [talker, quiet] = [newCustomer(world, "Fia"), newCustomer(world, "Gero")];
    const texts = numbered("Line", 8);
    await talker.write("Start");
    await quiet.write("Please send me the price");
    await open(page, quiet);
    await context.setOffline(true);
    await page.getByText("You are offline. Messages you send will go out when the connection is back").waitFor();
    await reply(page, "It is four euros");
    await reply(page, "Five with seeds");
    await page.getByText("2 messages are waiting.").waitFor();
    for (const text of texts) await talker.write(text);
    await context.setOffline(false);
    for (const text of ["It is four euros", "Five with seeds"]) {
      await bubbles(page, text).locator("[data-status=DELIVERED], [data-status=READ]").waitFor();
      assert.equal(await bubbles(page, text).count(), 1);
    }
    await page.getByText("You are offline.").waitFor({ state: "detached" });
    assert.deepEqual((await quiet.calls()).map((call) => call.text), ["It is four euros", "Five with seeds"]);
    await row(page, talker).getByText("Line 8").waitFor();
    await open(page, talker);
    await expectInbound(page, ["Start", ...texts]);
  },

  async "the live connection is cut again and again while the thread is open"(world) {
    const { page, wire } = world.agents[1];
    const customer = newCustomer(world, "Hedda");
    const texts = numbered("Word", 24);
    await customer.write("Start");
    await open(page, customer);
    for (const [i, text] of texts.entries()) {
      await customer.write(text);
      if (i % 6 !== 3) continue;
      const { opened } = wire;
      await wire.cut();
      // Half of the cuts fall while the page is still away, half after it is back.
      if (i % 12 === 3) await eventually(() => assert.ok(wire.opened > opened, "the page has not come back"));
    }
    await expectInbound(page, ["Start", ...texts]);
  },

  async "an answer is lost on its way: the message is sent once"(world) {
    const { page, context } = world.agents[0];
    const customer = newCustomer(world, "Ida");
    await customer.write("Can you confirm?");
    await open(page, customer);
    let lost = 0;
    await context.route("**/graphql", async (route) => {
      if (lost < 2 && route.request().postData()?.includes("sendMessage")) {
        lost += 1;
        await route.fetch();
        await route.abort("connectionreset").catch(() => {});
      } else await route.continue();
    });
    await reply(page, "Confirmed");
    await bubbles(page, "Confirmed").locator("[data-status=DELIVERED], [data-status=READ]").waitFor();
    await eventually(() => assert.equal(lost, 2));
    await expectOutboxEmpty(page);
    assert.equal(await bubbles(page, "Confirmed").count(), 1);
    assert.equal((await customer.calls()).length, 1);
    await context.unroute("**/graphql");
  },

  async "a reload in the middle of a cut keeps what was written"(world) {
    const { page, context } = world.agents[0];
    const customer = newCustomer(world, "Jella");
    await customer.write("Tell me when it is done");
    await open(page, customer);
    await context.route("**/graphql", async (route) => {
      if (route.request().postData()?.includes("sendMessage")) await route.abort("connectionreset").catch(() => {});
      else await route.continue();
    });
    await reply(page, "It is done");
    await page.locator("[data-outgoing]").waitFor();
    await page.reload();
    await context.unroute("**/graphql");
    await bubbles(page, "It is done").locator("[data-status=DELIVERED], [data-status=READ]").waitFor();
    await expectOutboxEmpty(page);
    assert.equal(await bubbles(page, "It is done").count(), 1);
    assert.equal((await customer.calls()).length, 1);
    await showAll(page);
  },
};
