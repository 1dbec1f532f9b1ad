import assert from "node:assert/strict";
import { bubbles, eventually, newCustomer, open, reply, row, showAll, thread } from "../world.mjs";

const status = (page, text, name) => bubbles(page, text).locator(`[data-status=${name}]`);

export const cases = {
  async "a reply goes out once and its ticks turn as far as read"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Vera");
    await customer.write("Do you deliver?");
    await open(page, customer);
    await reply(page, "Yes, we do");
    await status(page, "Yes, we do", "DELIVERED").waitFor();
    await customer.look();
    await status(page, "Yes, we do", "READ").waitFor();
    assert.equal(await bubbles(page, "Yes, we do").count(), 1);
    assert.equal((await customer.calls()).filter((call) => call.text === "Yes, we do").length, 1);
    await status(page, "Yes, we do", "READ").click();
    await page.getByRole("dialog", { name: "How it was delivered" }).getByText("Call 1: Taken by the provider").waitFor();
    await page.keyboard.press("Escape");
  },

  async "a failure says why, and Retry really sends again"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Wim");
    await customer.write("Are you open?");
    await open(page, customer);
    await customer.fault("undeliverable");
    await reply(page, "Until six");
    await status(page, "Until six", "FAILED").waitFor();
    await thread(page).getByText("Not delivered.").waitFor();
    await thread(page).getByRole("button", { name: "Retry" }).click();
    await status(page, "Until six", "DELIVERED").waitFor();
    await thread(page).getByRole("button", { name: /^Not delivered at .* sent again: Until six/ }).waitFor();
    await eventually(async () => assert.equal((await customer.calls()).filter((call) => call.text === "Until six").length, 2));
    assert.equal(await thread(page).getByRole("button", { name: "Retry" }).count(), 0);
  },

  async "a template is sent with its variables"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Yuna");
    await customer.write("Where is my parcel?");
    await open(page, customer);
    await page.getByRole("button", { name: "Send a template" }).click();
    const form = page.getByRole("dialog", { name: "Send a template" });
    await form.getByLabel("Name").fill("order_update");
    await form.getByRole("button", { name: "Add a variable" }).last().click();
    await form.getByLabel("Body variables, 1").fill("parcel 7718");
    await form.getByRole("button", { name: "Send template" }).click();
    const sent = thread(page).locator("[data-direction=OUTBOUND]").filter({ hasText: "order_update" });
    await sent.locator("[data-status=DELIVERED], [data-status=READ]").waitFor();
    await sent.getByText("parcel 7718").first().waitFor();
    assert.equal((await customer.calls()).length, 1);
  },

  async "a number that cannot be reached is marked, flagged for follow-up, and alerts the supervisor"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Zeno");
    await customer.write("Call me back");
    await open(page, customer);
    await customer.fault("invalid_recipient");
    await reply(page, "We will");
    await status(page, "We will", "FAILED").waitFor();
    await page.getByRole("complementary", { name: "Contact" }).getByText("Cannot be reached").waitFor();
    await row(page, customer).getByRole("img", { name: "Follow up by hand" }).waitFor();
    await page.getByRole("button", { name: /^Alerts, \d+ open/ }).click();
    const alerts = page.getByRole("dialog", { name: "Alerts" });
    await alerts.getByText("Follow up by hand").first().waitFor();
    await alerts.getByRole("button", { name: "Open the conversation" }).first().click();
    await page.getByRole("heading", { level: 2, name: customer.name }).first().waitFor();
  },

  async "a quoted reply carries the quote"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Xenia");
    await customer.write("Which flour is it?");
    await open(page, customer);
    await bubbles(page, "Which flour is it?").hover();
    await thread(page).getByRole("button", { name: "Quote this message" }).first().click();
    await reply(page, "Spelt");
    await thread(page).locator("[data-direction=OUTBOUND]").filter({ hasText: "Spelt" }).getByText("Which flour is it?").waitFor();
    await status(page, "Spelt", "SENT").or(status(page, "Spelt", "DELIVERED")).or(status(page, "Spelt", "READ")).waitFor();
  },

  async "an answer to an older view is held back, and goes out when the agent says so"(world) {
    const { page, context } = world.agents[0];
    const { page: colleague } = world.agents[1];
    const customer = newCustomer(world, "Yann");
    await customer.write("Two loaves please");
    await open(page, customer);
    await context.setOffline(true);
    await page.getByText("You are offline.").waitFor();
    await reply(page, "Two loaves it is");
    await showAll(colleague);
    await customer.write("No, three!");
    await row(colleague, customer).getByText("No, three!").waitFor();
    await context.setOffline(false);
    await bubbles(page, "No, three!").waitFor();
    await thread(page).getByText("Is your answer still right?").waitFor();
    assert.equal((await customer.calls()).length, 0);
    await thread(page).getByRole("button", { name: "Send anyway" }).click();
    await status(page, "Two loaves it is", "DELIVERED").waitFor();
    assert.equal((await customer.calls()).length, 1);
    assert.equal(await bubbles(page, "Two loaves it is").count(), 1);
  },
};
