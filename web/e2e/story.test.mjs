import assert from "node:assert/strict";
import { test } from "node:test";
import { bubbles, eventually, newCustomer, open, openWorld, reply, row, showAll } from "./world.mjs";

// A call that was under way when the server died waits for its lease (60 s) and then for a receipt (120 s) before it may go again.
const recovery = 240_000;
const rounds = 12;
const gone = ["SENT", "DELIVERED", "READ"].map((status) => `[data-status=${status}]`).join();

const control = async (what) => {
  const response = await fetch(process.env.E2E_CONTROL_URL + what, { method: "POST" });
  assert.ok(response.ok, `${what}: ${await response.text()}`);
};

/** Writes as a phone does: again and again with the same id until it is through. */
async function insist(customer, id, text) {
  await eventually(() => customer.send({ id, text }), recovery);
}

test("the story: a message comes, is answered and ticked; the server is killed in the middle; nothing is lost or doubled", { timeout: 600_000 }, async (t) => {
  const world = await openWorld();
  t.after(() => world.browser.close());
  const { page } = world.agents[0];
  const customer = newCustomer(world, "Ines");

  await showAll(page);
  const written = Date.now();
  await customer.write("Hello, is anybody there?");
  await row(page, customer).getByText("Hello, is anybody there?").waitFor();
  t.diagnostic(`the customer's message was in the browser after ${Date.now() - written} ms`);

  await open(page, customer);
  await page.keyboard.press("c");
  await page.getByRole("button", { name: /^Assigned to you/ }).waitFor();
  await reply(page, "Yes, how can I help?");
  for (const status of ["DELIVERED", "READ"]) {
    if (status === "READ") await customer.look();
    await bubbles(page, "Yes, how can I help?").locator(`[data-status=${status}], [data-status=READ]`).waitFor();
  }

  // Both sides keep writing while the server is killed and comes back.
  const questions = Array.from({ length: rounds }, (_, i) => `Question ${i + 1} of ${rounds}`);
  const answers = Array.from({ length: rounds }, (_, i) => `Answer ${i + 1} of ${rounds}`);
  const asking = (async () => {
    for (const [i, text] of questions.entries()) await insist(customer, `story-${customer.phone}-${i}`, text);
  })();
  for (const [i, text] of answers.entries()) {
    await reply(page, text);
    if (i === Math.floor(rounds / 2)) {
      await control("/kill");
      await page.getByRole("status", { name: "Connection" }).getByText(/./).first().waitFor();
    }
    if (i === Math.floor(rounds / 2) + 2) await control("/start");
  }
  await asking;

  for (const text of questions) {
    await bubbles(page, text).first().waitFor({ state: "attached", timeout: recovery });
  }
  await eventually(async () => {
    // Where a question overtook an answer, the agent is asked whether it is still right.
    const anyway = page.getByRole("button", { name: "Send anyway" }).first();
    if (await anyway.isVisible()) await anyway.click();
    for (const text of answers) assert.ok(await bubbles(page, text).locator(gone).first().isVisible(), `${text} has gone out`);
  }, recovery);
  for (const text of [...questions, ...answers]) assert.equal(await bubbles(page, text).count(), 1, `${text} is shown once`);

  const calls = await eventually(async () => {
    const accepted = (await customer.calls()).filter((call) => call.accepted);
    assert.equal(accepted.length, answers.length + 1, "the provider took each answer once");
    return accepted;
  });
  for (const text of answers) assert.equal(calls.filter((call) => call.text === text).length, 1, `${text} went out once`);

  // What the browser shows is what the server has: a fresh page shows the same.
  await page.reload();
  await page.getByRole("tablist", { name: "Whose conversations" }).waitFor();
  await open(page, customer);
  for (const text of [...questions, ...answers]) {
    await eventually(async () => assert.equal(await bubbles(page, text).count(), 1, `${text} is shown once after a reload`));
  }
  assert.deepEqual(world.agents[0].complaints.filter((line) => !/502|503|Failed to fetch/.test(line)), []);
});
