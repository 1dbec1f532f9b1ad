import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";
import { bubbles, newCustomer, open, reply, shot, showAll, thread } from "../world.mjs";

async function expectClean(page, where) {
  // Colours are measured where things stand, not while they fade in.
  await page.waitForFunction(() => document.getAnimations().every((one) => one.effect?.getTiming().iterations !== 1 || one.playState !== "running"));
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(told, [], where);
}

async function theme(page, name) {
  await page.getByRole("button", { name: /, your menu$/ }).click();
  await page.getByRole("menuitemradio", { name }).click();
  await page.keyboard.press("Escape");
}

export const cases = {
  async "the sign-in, light and dark"(world) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await world.browser.newContext({ colorScheme });
      const page = await context.newPage();
      await page.goto(world.appUrl);
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await expectClean(page, `sign-in, ${colorScheme}`);
      await shot(page, `sign-in-${colorScheme}`);
      await context.close();
    }
  },

  async "the inbox in the light, with its menus and dialogs"(world) {
    const page = await openRichThread(world);
    await theme(page, "Light theme");
    await expectClean(page, "light");
    await shot(page, "inbox-light");
    await page.locator("[data-status=FAILED]").first().click();
    await page.getByRole("dialog", { name: "How it was delivered" }).waitFor();
    await expectClean(page, "delivery");
    await page.keyboard.press("Escape");
    await page.keyboard.press("s");
    await page.getByRole("menu", { name: "Snooze" }).waitFor();
    await expectClean(page, "snooze menu");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await expectClean(page, "help");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Send a template" }).click();
    await page.getByRole("dialog", { name: "Send a template" }).waitFor();
    await expectClean(page, "template");
    await page.keyboard.press("Escape");
  },

  async "the inbox in the dark"(world) {
    const page = await openRichThread(world);
    await theme(page, "Dark theme");
    await expectClean(page, "dark");
    await shot(page, "inbox-dark");
    await page.locator("[data-status=FAILED]").first().click();
    await page.getByRole("dialog", { name: "How it was delivered" }).waitFor();
    await expectClean(page, "dark, delivery");
    await page.keyboard.press("Escape");
    await theme(page, "Theme of the system");
  },

  async "a phone"(world) {
    const page = await openRichThread(world);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectClean(page, "phone, thread");
    await shot(page, "phone-thread");
    // Nobody has claimed it, so the header holds the most buttons that it ever does.
    for (const width of [390, 320]) {
      await page.setViewportSize({ width, height: 844 });
      const name = await page.getByRole("heading", { level: 2, name: /^Kira/ }).first().boundingBox();
      assert.ok(name.width > 60, `of the contact's name ${name.width} pixels are left at ${width}`);
      const resolve = await page.getByRole("button", { name: "Resolve" }).boundingBox();
      assert.ok(resolve.x + resolve.width <= width, `Resolve is cut off at ${width}`);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole("button", { name: "Back to the list" }).click();
    await expectClean(page, "phone, list");
    await shot(page, "phone-list");
    await page.setViewportSize({ width: 1440, height: 900 });
    await showAll(page);
  },
};

/** Opens a thread in which there is something of everything. */
async function openRichThread(world) {
  const { page } = world.agents[0];
  const customer = newCustomer(world, "Kira");
  const message = await customer.write("Forget this one");
  await customer.write("I have a question about my order https://example.test/4411");
  await customer.send({ location: { latitude: 52.52, longitude: 13.41, name: "Garden house" } });
  await customer.send({ raw: { type: "poll_of_tomorrow", poll_of_tomorrow: { question: "Which day?" } } });
  await customer.send({ delete: { messageId: message.id } });
  await open(page, customer);
  await thread(page).getByText("The customer deleted this message").waitFor();
  await customer.fault("undeliverable");
  await reply(page, "This one fails");
  await bubbles(page, "This one fails").locator("[data-status=FAILED]").waitFor();
  await reply(page, "This one arrives");
  await bubbles(page, "This one arrives").locator("[data-status=DELIVERED], [data-status=READ]").waitFor();
  return page;
}
