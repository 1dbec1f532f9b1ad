import assert from "node:assert/strict";
import { newCustomer, row, showAll, signIn } from "../world.mjs";

export const cases = {
  async "a reload keeps the sign-in, and a second tab of the browser has it too"(world) {
    const { page, context } = world.agents[1];
    await page.reload();
    await page.getByRole("tablist", { name: "Whose conversations" }).waitFor();
    const second = await context.newPage();
    await second.goto(world.appUrl);
    await second.getByRole("tablist", { name: "Whose conversations" }).waitFor();
    await Promise.all([page.reload(), second.reload()]);
    await Promise.all([page, second].map((one) => one.getByRole("tablist", { name: "Whose conversations" }).waitFor()));
    const customer = newCustomer(world, "Lars");
    await Promise.all([showAll(page), showAll(second)]);
    await customer.write("Hello, both of you");
    await Promise.all([row(page, customer).waitFor(), row(second, customer).waitFor()]);
    await second.close();
  },

  async "a wrong password is refused in words, and signing out ends every tab"(world) {
    const agent = world.agents[1];
    const second = await agent.context.newPage();
    await second.goto(world.appUrl);
    await second.getByRole("tablist", { name: "Whose conversations" }).waitFor();
    await agent.page.getByRole("button", { name: /, your menu$/ }).click();
    await agent.page.getByRole("menuitem", { name: "Sign out" }).click();
    for (const page of [agent.page, second]) await page.getByRole("button", { name: "Sign in" }).waitFor();
    await second.close();
    await agent.page.getByLabel("Business").fill(agent.login.tenant);
    await agent.page.getByLabel("Email").fill(agent.login.email);
    await agent.page.getByLabel("Password").fill("not the password");
    await agent.page.getByRole("button", { name: "Sign in" }).click();
    await agent.page.waitForFunction(() => (document.querySelector("[role=alert]")?.textContent ?? "").length > 5);
    // The browser reports the refusal that this test has asked for.
    agent.complaints.length = 0;
    await signIn(agent);
    assert.ok(await agent.page.evaluate(() => !JSON.stringify(sessionStorage).includes("Bearer")));
  },
};
