import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const appUrl = process.env.E2E_APP_URL ?? "http://localhost:8080";
const simUrl = process.env.E2E_SIM_URL ?? "http://127.0.0.1:8090";

/** How long a test waits for something that takes a moment before it calls it missing. */
export const patience = 15_000;

/** Opens the browser and signs the agents in. */
export async function openWorld() {
  assert.ok(process.env.E2E_LOGINS, "E2E_LOGINS is not set; see e2e/README.md");
  const logins = JSON.parse(process.env.E2E_LOGINS);
  assert.ok(logins.length >= 2, "E2E_LOGINS must name two agents");
  const browser = await chromium.launch({
    executablePath: process.env.SWITCHBOARD_CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const account = process.env.E2E_ACCOUNT ?? (await sim("/api/accounts")).accounts[0].phoneNumberId;
  const world = { browser, account, appUrl, logins, agents: [] };
  for (const login of logins.slice(0, 2)) world.agents.push(await openAgent(world, login));
  return world;
}

/** A page of its own browser profile, signed in. `complaints` collects what the browser's console says against the page. */
async function openAgent(world, login) {
  const context = await world.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // A request into a cut network is the network tests' own doing.
    const own = /net::ERR_|WebSocket connection to/.test(message.text());
    if (message.type() === "error" && !own) complaints.push(`console: ${message.text()}`);
  });
  // The page asks before it is left while messages wait.
  page.on("dialog", (dialog) => void dialog.accept());
  const wire = await openWire(page);
  await page.goto(world.appUrl);
  const agent = { page, context, login, complaints, wire };
  await signIn(agent);
  return agent;
}

/** The page's live connection in the test's hands: it can be cut, and held back so that it does not come up again. */
async function openWire(page) {
  const wire = {
    held: false,
    opened: 0,
    sockets: new Set(),
    async cut() {
      const cut = [...wire.sockets];
      wire.sockets.clear();
      await Promise.all(cut.map((socket) => socket.close({ code: 4999, reason: "cut by the test" }).catch(() => {})));
    },
  };
  await page.routeWebSocket(/\/graphql$/, (socket) => {
    if (wire.held) return socket.close({ code: 4998, reason: "held by the test" });
    wire.opened += 1;
    wire.sockets.add(socket);
    socket.connectToServer();
  });
  return wire;
}

export async function signIn({ page, login }) {
  await page.getByLabel("Business").fill(login.tenant);
  await page.getByLabel("Email").fill(login.email);
  await page.getByLabel("Password").fill(login.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("tablist", { name: "Whose conversations" }).waitFor();
}

/** Calls the simulator's API. */
export async function sim(path, body, method = body === undefined ? "GET" : "POST") {
  const response = await fetch(simUrl + path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

let count = 0;

/** A customer that nobody has heard of. */
export function newCustomer(world, first = "Nadia") {
  count += 1;
  const number = `${Date.now() % 1e7}${count}`;
  const customer = {
    name: `${first} ${number}`,
    phone: `+4915${number.padStart(9, "0")}`,
    write: (text) => sim(`/api/customers/${encodeURIComponent(customer.phone)}/messages`, { account: world.account, name: customer.name, text }),
    send: (message) =>
      sim(`/api/customers/${encodeURIComponent(customer.phone)}/messages`, { account: world.account, name: customer.name, ...message }),
    /** Opens the chat on the phone: the customer sees what has been delivered. */
    look: () => sim(`/api/chats/${encodeURIComponent(customer.phone)}/open`, { account: world.account }),
    fault: (kind, times = 1) => sim("/api/faults", { kind, count: times, customer: customer.phone }),
    /** The provider calls that were made for this customer. */
    calls: async () => (await sim("/api/calls")).calls.filter((call) => call.to.replace(/\D/g, "") === customer.phone.replace(/\D/g, "")),
  };
  return customer;
}

/** Shows all open conversations, nothing opened. */
export async function showAll(page, status = "Open") {
  const tab = page.getByRole("tab", { name: /^All/ });
  const back = page.getByRole("button", { name: "Back to the list" });
  await tab.or(back).filter({ visible: true }).first().waitFor();
  if (await back.isVisible()) await back.click();
  await page.getByRole("radio", { name: status }).check({ force: true });
  await tab.click();
}

export function row(page, customer) {
  return page.getByRole("option").filter({ hasText: customer.name });
}

/** Opens the customer's conversation from the list of all open ones. */
export async function open(page, customer) {
  await showAll(page);
  await row(page, customer).click();
  await page.getByRole("heading", { level: 2, name: customer.name }).first().waitFor();
  await thread(page).locator("[data-message]").first().waitFor();
}

export function thread(page) {
  return page.getByRole("region", { name: "Messages" });
}

/** The bubbles that hold exactly the text: those of stored messages, and those still on their way. */
export function bubbles(page, text) {
  return thread(page).locator("[data-message], [data-outgoing]").filter({ has: page.getByText(text, { exact: true }) });
}

export async function reply(page, text) {
  const composer = page.getByRole("textbox", { name: "Your message" });
  await composer.fill(text);
  await composer.press("Enter");
}

/** The texts of the customer's bubbles, in order. */
export function inboundTexts(page) {
  return thread(page)
    .locator("[data-direction=INBOUND] p[dir=auto]")
    .allTextContents();
}

/** Waits until the check passes; fails with what it said last. */
export async function eventually(check, within = patience) {
  const until = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function shot(page, name) {
  if (process.env.E2E_SHOTS) await page.screenshot({ path: `${process.env.E2E_SHOTS}/${name}.png` });
}
