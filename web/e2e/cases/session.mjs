import assert from "node:assert/strict";
import { eventually, inboundTexts, newCustomer, open, row, showAll, signIn } from "../world.mjs";

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

  async "the access token is renewed before it expires, over a new connection, and nothing is lost or doubled meanwhile"(world) {
    const { page, wire } = world.agents[1];
    // The server's token lives longer than a test should: the page is told that it has seven seconds.
    await page.route("**/graphql", async (route) => {
      if (!route.request().postData()?.includes("mutation Refresh")) return route.fallback();
      const response = await route.fetch();
      const answer = await response.json();
      answer.data.refresh.expiresAt = new Date(Date.now() + 7000).toISOString();
      await route.fulfill({ response, json: answer });
    });
    await page.reload();
    const customer = newCustomer(world, "Mika");
    const texts = Array.from({ length: 40 }, (_, i) => `Step ${i + 1}`);
    await customer.write("Start");
    await open(page, customer);
    const { opened } = wire;
    let announced = false;
    for (const text of texts) {
      await customer.write(text);
      announced ||= await page.getByText("Reconnecting…").isVisible();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await eventually(async () => assert.deepEqual(await inboundTexts(page), ["Start", ...texts]));
    assert.ok(wire.opened > opened, "the connection was not renewed");
    assert.equal(announced, false, "a planned renewal is not worth a banner");
    await page.unroute("**/graphql");
    await page.reload();
    await page.getByRole("tablist", { name: "Whose conversations" }).waitFor();
  },

  async "an address of a conversation that is not there says so, and nothing goes on loading"(world) {
    const { page } = world.agents[1];
    await page.goto(`${world.appUrl}/c/0198c5a2-0000-7000-8000-000000000001`);
    await page.getByText("This conversation cannot be shown").waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Back to the list" }).filter({ visible: true }).click();
    await page.getByText("No conversation is open").waitFor();
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
