import assert from "node:assert/strict";
import { bubbles, eventually, newCustomer, row, showAll } from "../world.mjs";

const focusedRow = (page) => page.evaluate(() => document.activeElement?.closest("[role=option]")?.textContent ?? "");

export const cases = {
  async "the whole way without a mouse"(world) {
    const { page } = world.agents[0];
    const older = newCustomer(world, "Dora");
    const newer = newCustomer(world, "Enno");
    await showAll(page);
    // Two customers' messages may overtake each other on their way.
    await older.write("First");
    await row(page, older).waitFor();
    await newer.write("Second");
    await row(page, newer).waitFor();
    await row(page, newer).focus();
    assert.ok((await focusedRow(page)).includes(newer.name));
    await page.keyboard.press("j");
    assert.ok((await focusedRow(page)).includes(older.name));
    await page.keyboard.press("k");
    assert.ok((await focusedRow(page)).includes(newer.name));
    await page.keyboard.press("Enter");
    await bubbles(page, "Second").waitFor();
    await page.keyboard.press("c");
    await eventually(async () => assert.equal(await page.getByTestId("holder").textContent(), "You"));
    await page.keyboard.press("r");
    const composer = page.getByRole("textbox", { name: "Your message" });
    await eventually(async () => assert.ok(await composer.evaluate((el) => el === document.activeElement)));
    await page.keyboard.type("je cherche");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    assert.equal(await composer.inputValue(), "je cherche\nsecond line");
    await page.keyboard.press("Control+Enter");
    await bubbles(page, "je cherche second line").locator("[data-status]").waitFor();
    await page.keyboard.press("Escape");
    assert.ok((await focusedRow(page)).includes(newer.name));
    await page.keyboard.press("e");
    await page.getByText("This conversation is resolved.").waitFor();
    await page.keyboard.press("o");
    await composer.waitFor();
    await page.keyboard.press("s");
    await page.getByRole("menu", { name: "Snooze" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByText(/^Snoozed until today|^Snoozed until tomorrow/).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor({ state: "detached" });
  },
};
