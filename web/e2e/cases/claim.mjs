import assert from "node:assert/strict";
import { eventually, newCustomer, open, row, showAll } from "../world.mjs";

const holder = (page) => page.getByTestId("holder");

export const cases = {
  async "of two agents who claim at once exactly one wins, and the other sees who"(world) {
    const [a, b] = world.agents.map((agent) => agent.page);
    for (let round = 0; round < 3; round += 1) {
      const customer = newCustomer(world, "Sami");
      await customer.write("Anyone there?");
      await Promise.all([open(a, customer), open(b, customer)]);
      await Promise.all([a, b].map((page) => page.getByRole("button", { name: "Claim", exact: true }).waitFor()));
      await Promise.all([a.keyboard.press("c"), b.keyboard.press("c")]);
      await eventually(async () => {
        const seen = [await holder(a).textContent(), await holder(b).textContent()];
        assert.equal(seen.filter((name) => name === "You").length, 1, `holders: ${seen}`);
        assert.ok(!seen.includes("Unassigned"), `holders: ${seen}`);
      });
      const loser = (await holder(a).textContent()) === "You" ? b : a;
      const winner = await holder(loser).textContent();
      await loser.getByText(`${winner} has already claimed this conversation.`).waitFor();
      await loser.getByRole("button", { name: "Dismiss" }).first().click();
    }
  },

  async "a claimed conversation moves to Mine for one and out of Unassigned for the other"(world) {
    const [a, b] = world.agents.map((agent) => agent.page);
    const customer = newCustomer(world, "Tilda");
    await customer.write("Hello there");
    await showAll(b);
    await b.getByRole("tab", { name: /^Unassigned/ }).click();
    await row(b, customer).waitFor();
    await open(a, customer);
    await a.getByRole("button", { name: "Claim", exact: true }).click();
    await row(b, customer).waitFor({ state: "detached" });
    await a.getByRole("tab", { name: /^Mine/ }).click();
    await row(a, customer).waitFor();
  },

  async "the supervisor hands over and releases"(world) {
    const [a, b] = world.agents.map((agent) => agent.page);
    const customer = newCustomer(world, "Uwe");
    await customer.write("Hello");
    await Promise.all([open(a, customer), open(b, customer)]);
    await a.getByRole("button", { name: /^Assigned to/ }).click();
    const other = a.getByRole("menuitem").filter({ hasNotText: /you\)|Claim|Release/ });
    const name = (await b.getByRole("button", { name: /, your menu$/ }).getAttribute("aria-label")).replace(", your menu", "");
    await other.filter({ hasText: name }).click();
    await eventually(async () => assert.equal(await holder(b).textContent(), "You"));
    assert.equal(await holder(a).textContent(), name);
    await b.getByRole("button", { name: /^Assigned to/ }).click();
    await b.getByRole("menuitem", { name: "Release to unassigned" }).click();
    await eventually(async () => assert.equal(await holder(a).textContent(), "Unassigned"));
  },
};
