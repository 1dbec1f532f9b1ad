import assert from "node:assert/strict";
import { bubbles, newCustomer, open, row, showAll, thread } from "../world.mjs";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC";

export const cases = {
  async "a customer's message comes into the list and into the open thread by itself"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world);
    await showAll(page);
    const written = Date.now();
    await customer.write("Is the sourdough ready?");
    await row(page, customer).getByText("Is the sourdough ready?").waitFor();
    const listed = Date.now() - written;
    await open(page, customer);
    const again = Date.now();
    await customer.write("I could come at ten");
    await bubbles(page, "I could come at ten").waitFor();
    const shown = Date.now() - again;
    world.note(`a message was in the list after ${listed} ms, in the open thread after ${shown} ms`);
  },

  async "unread is counted until the message was seen"(world) {
    const { page } = world.agents[0];
    const reader = newCustomer(world, "Otto");
    const other = newCustomer(world, "Pia");
    await reader.write("Hello");
    await other.write("Good evening");
    await showAll(page);
    await row(page, reader).getByText("Unread: ").waitFor({ state: "attached" });
    await open(page, reader);
    await row(page, reader).getByText("Unread: ").waitFor({ state: "detached" });
    await row(page, other).getByText("Unread: ").waitFor({ state: "attached" });
  },

  async "the tabs count live"(world) {
    const { page } = world.agents[0];
    await showAll(page);
    const count = page.locator("[data-count=all]");
    await page.waitForFunction(() => /\d/.test(document.querySelector("[data-count=all]")?.textContent ?? ""));
    const before = Number(await count.textContent());
    await newCustomer(world).write("One more");
    await page.waitForFunction((was) => Number(document.querySelector("[data-count=all]")?.textContent) === was + 1, before);
  },

  async "pictures, places and new types are shown as what they are"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Quentin");
    await customer.write("Look at this");
    await customer.send({ media: { type: "image", data: png, mimeType: "image/png", caption: "The cake" } });
    await customer.send({ location: { latitude: 52.52, longitude: 13.41, name: "Garden house" } });
    await customer.send({ raw: { type: "poll_of_tomorrow", poll_of_tomorrow: { question: "Which day?" } } });
    await open(page, customer);
    await thread(page).getByRole("button", { name: /The cake\. Enlarge/ }).waitFor();
    const picture = thread(page).locator("[data-direction=INBOUND] img").first();
    await picture.waitFor();
    await page.waitForFunction((img) => img.complete && img.naturalWidth === 10, await picture.elementHandle());
    await thread(page).getByText("Garden house").waitFor();
    await thread(page).getByText("Poll of tomorrow message").waitFor();
    await thread(page).getByRole("button", { name: "Show content" }).click();
    await page.getByRole("dialog").getByText("Which day?").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  },

  async "reactions, edits and deletions change the message that they are about"(world) {
    const { page } = world.agents[0];
    const customer = newCustomer(world, "Rosa");
    const first = await customer.write("Saturday at tem");
    const second = await customer.write("Forget this");
    await open(page, customer);
    await customer.send({ edit: { messageId: first.id, text: "Saturday at ten" } });
    await bubbles(page, "Saturday at ten").getByText("Edited").waitFor();
    await customer.send({ delete: { messageId: second.id } });
    await thread(page).getByText("The customer deleted this message").waitFor();
    assert.equal(await bubbles(page, "Forget this").count(), 0);
  },
};
