import { bubbles, newCustomer, open, row, showAll } from "../world.mjs";

export const cases = {
  async "resolve and reopen, for both agents"(world) {
    const [a, b] = world.agents.map((agent) => agent.page);
    const customer = newCustomer(world, "Zora");
    await customer.write("Thank you, that is all");
    await Promise.all([open(a, customer), open(b, customer)]);
    await a.getByRole("button", { name: "Resolve" }).click();
    await row(b, customer).waitFor({ state: "detached" });
    await b.getByText("This conversation is resolved.").waitFor();
    await showAll(b, "Resolved");
    await row(b, customer).waitFor();
    await a.getByRole("button", { name: "Reopen to reply" }).click();
    await row(b, customer).waitFor({ state: "detached" });
    await a.getByRole("textbox", { name: "Your message" }).waitFor();
  },

  async "snooze sets aside; the customer's next message wakes it"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Alba");
    await customer.write("I will tell you later");
    await open(page, customer);
    await page.keyboard.press("s");
    await page.getByRole("menuitem", { name: /^Tomorrow/ }).click();
    await page.getByText(/^Snoozed until tomorrow/).waitFor();
    await row(page, customer).waitFor({ state: "detached" });
    await showAll(page, "Snoozed");
    await row(page, customer).waitFor();
    await customer.write("Now I know");
    await row(page, customer).waitFor({ state: "detached" });
    await showAll(page);
    await row(page, customer).getByText("Now I know").waitFor();
    await page.getByRole("textbox", { name: "Your message" }).waitFor();
  },

  async "a chosen time to snooze until, and waking by hand"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Bo");
    await customer.write("Next month, please");
    await open(page, customer);
    await page.getByRole("button", { name: "Snooze", exact: true }).click();
    await page.getByRole("menuitem", { name: /^Choose a time/ }).click();
    const when = new Date(Date.now() + 30 * 86_400_000);
    when.setHours(8, 30, 0, 0);
    const local = new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    await page.locator("#snooze-until").fill(local);
    await page.getByRole("button", { name: "Snooze", exact: true }).last().click();
    await page.getByText(/^Snoozed until .*08:30/).waitFor();
    await page.keyboard.press("o");
    await page.getByRole("textbox", { name: "Your message" }).waitFor();
  },

  async "resolving is refused while there is something the agent has not seen"(world) {
    const { page, wire } = world.agents[1];
    const customer = newCustomer(world, "Cleo");
    await customer.write("Fine");
    await open(page, customer);
    // The page keeps its old view: its live connection is held back, its requests are not.
    const { page: colleague } = world.agents[0];
    await showAll(colleague);
    try {
      wire.held = true;
      await wire.cut();
      await page.getByText("Reconnecting…").waitFor();
      await customer.write("Wait, one more thing");
      await row(colleague, customer).getByText("Wait, one more thing").waitFor();
      await page.keyboard.press("e");
      await page.getByText("A new message has arrived. Read it first, then resolve.").waitFor();
    } finally {
      wire.held = false;
    }
    await page.getByRole("button", { name: "Try now" }).click();
    await bubbles(page, "Wait, one more thing").waitFor();
    await page.getByText("Reconnecting…").waitFor({ state: "detached" });
    await page.keyboard.press("e");
    await page.getByText("This conversation is resolved.").waitFor();
  },
};
