// Speaks graphql-transport-ws by hand and checks the order of messages and the exact close codes. URL is the server, TOKEN a good
// access token. The server's `messageEvents` sends three responses and completes; its `alertEvents` never sends anything.
import WebSocket from "ws";

const url = process.env.URL;
const origin = process.env.ORIGIN;
const authorization = `Bearer ${process.env.TOKEN}`;
const init = { type: "connection_init", payload: { authorization } };
const three = { query: 'subscription { messageEvents(conversationId: "018f0000-0000-7000-8000-000000000001") { __typename } }' };
const silent = { query: "subscription { alertEvents { __typename } }" };

/** Opens a socket, sends the frames, and tells everything that came back until `until` messages came or the socket closed. */
function talk(frames, { until = Infinity, protocols = "graphql-transport-ws", headers = { origin }, patience = 1500 } = {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols, { headers });
    const heard = [];
    const end = (close) => {
      clearTimeout(timer);
      socket.onclose = null;
      socket.terminate();
      resolve({ heard, close });
    };
    const timer = setTimeout(() => end(null), patience);
    const say = (frame) => socket.send(typeof frame === "string" || frame instanceof Buffer ? frame : JSON.stringify(frame));
    socket.onopen = () => {
      socket.opened = true;
      frames.forEach(say);
    };
    socket.onmessage = ({ data }) => {
      heard.push(JSON.parse(data));
      if (heard.length >= until) setTimeout(() => end(null), 50);
    };
    socket.onclose = ({ code, reason }) => end({ code, reason });
    socket.onerror = (error) => {
      if (!socket.opened) {
        clearTimeout(timer);
        socket.onclose = null;
        resolve({ heard, refused: String(error.message) });
      }
    };
  });
}

const failures = [];
let count = 0;
async function probe(name, run) {
  count++;
  try {
    const problem = await run();
    if (problem) failures.push(`${name}: ${problem}`);
  } catch (error) {
    failures.push(`${name}: ${error.stack}`);
  }
}
const types = (heard) => heard.map((message) => message.type).join(" ");
const expectClose = (got, code, reason) =>
  got.close?.code !== code || (reason && !got.close.reason.startsWith(reason))
    ? `expected close ${code} ${reason ?? ""}, got ${JSON.stringify(got)}`
    : null;
const expectTypes = (got, expected) =>
  types(got.heard) !== expected ? `expected "${expected}", got ${JSON.stringify(got)}` : null;
const sub = (id, payload) => ({ id, type: "subscribe", payload });

const closes = [
  ["subscribe before connection_init", [sub("1", three)], 4401, "Unauthorized"],
  ["a wrong credential", [{ type: "connection_init", payload: { authorization: "Bearer wrong" } }], 4403, "Forbidden"],
  ["no credential", [{ type: "connection_init" }], 4403, "Forbidden"],
  ["a second connection_init", [init, init], 4429, "Too many initialisation requests"],
  ["invalid JSON", ["{"], 4400],
  ["a JSON array", ["[]"], 4400],
  ["a JSON text", ['"ping"'], 4400],
  ["a binary message", [Buffer.from(JSON.stringify({ type: "ping" }))], 4400],
  ["a message without type", [{ id: "1" }], 4400],
  ["an unknown type", [{ type: "start" }], 4400],
  ["a type only servers send", [{ type: "connection_ack" }], 4400],
  ["a payload that is no object", [{ type: "ping", payload: "x" }], 4400],
  ["an authorization that is no text", [{ type: "connection_init", payload: { authorization: 1 } }], 4400],
  ["subscribe without id", [init, { type: "subscribe", payload: three }], 4400],
  ["subscribe with an empty id", [init, sub("", three)], 4400],
  ["subscribe with a number as id", [init, sub(1, three)], 4400],
  ["subscribe without payload", [init, { id: "1", type: "subscribe" }], 4400],
  ["subscribe without query", [init, sub("1", {})], 4400],
  ["subscribe with a query that is no text", [init, sub("1", { query: 1 })], 4400],
  ["subscribe with variables that are no object", [init, sub("1", { ...three, variables: [] })], 4400],
  ["complete without id", [init, { type: "complete" }], 4400],
  ["an id that is in use", [init, sub("1", silent), sub("1", silent)], 4409, "Subscriber for 1 already exists"],
  ["a message of more than 64 KiB", [init, sub("1", { query: "#" + "x".repeat(65536) })], 1009],
  ["31 subscribes at once", [init, ...Array.from({ length: 31 }, (_, i) => sub(`${i}`, { query: "{" }))], 4429, "Too many subscribe"],
];
for (const [name, frames, code, reason] of closes) await probe(name, async () => expectClose(await talk(frames), code, reason));

await probe("no connection_init in time", async () => expectClose(await talk([], { patience: 4000 }), 4408, "Connection init"));
for (const protocols of [[], "graphql-ws", "something"]) {
  await probe(`subprotocol ${JSON.stringify(protocols)}`, async () => {
    const got = await talk([init], { protocols });
    // Clients that named a protocol end the handshake themselves when the server picks none of theirs.
    if (protocols.length && got.refused?.includes("subprotocol")) return null;
    return expectClose(got, 4406, "Subprotocol not acceptable");
  });
}
await probe("an origin that is not allowed", async () => {
  const got = await talk([init], { headers: { origin: "https://evil.example" } });
  return got.refused?.includes("403") ? null : JSON.stringify(got);
});
await probe("a token without an origin", async () => expectClose(await talk([init], { headers: {} }), 4403, "Forbidden"));
await probe("ping before connection_init", async () =>
  expectTypes(await talk([{ type: "ping", payload: { a: 1 } }], { until: 1 }), "pong"));
await probe("the payload of a ping comes back", async () => {
  const got = await talk([init, { type: "ping", payload: { a: [1, "ü"] } }], { until: 2 });
  return JSON.stringify(got.heard[1]) === '{"type":"pong","payload":{"a":[1,"ü"]}}' ? null : JSON.stringify(got);
});
await probe("a pong is heard in silence", async () =>
  expectTypes(await talk([init, { type: "pong" }], { patience: 300 }), "connection_ack"));
await probe("connection_ack is the first answer", async () =>
  expectTypes(await talk([init, sub("1", { query: "{ __typename }" })], { until: 3 }), "connection_ack next complete"));
await probe("a query: one next, then complete, under its id", async () => {
  const got = await talk([init, sub('q"1\\', { query: "{ __typename }" })], { until: 3 });
  const expected = [{ id: 'q"1\\', type: "next", payload: { data: { __typename: "Query" } } }, { id: 'q"1\\', type: "complete" }];
  return JSON.stringify(got.heard.slice(1)) === JSON.stringify(expected) ? null : JSON.stringify(got);
});
await probe("a subscription: its responses in order, then complete", async () => {
  const got = await talk([init, sub("1", three)], { until: 5 });
  if (types(got.heard) !== "connection_ack next next next complete") return JSON.stringify(got);
  const numbers = got.heard.slice(1, 4).map((m) => m.payload.data.n).join();
  return numbers === "1,2,3" ? null : numbers;
});
await probe("a validation error: one error, no complete", async () =>
  expectTypes(await talk([init, sub("1", { query: "{ nothing }" })], { patience: 300 }), "connection_ack error"));
await probe("a syntax error: one error, no complete", async () =>
  expectTypes(await talk([init, sub("1", { query: "{" })], { patience: 300 }), "connection_ack error"));
await probe("errors are a list with codes", async () => {
  const got = await talk([init, sub("1", { query: "{ nothing }" })], { until: 2 });
  return got.heard[1].payload[0].extensions.code === "INVALID" ? null : JSON.stringify(got);
});
await probe("an id is free after its error", async () => {
  const socket = new WebSocket(url, "graphql-transport-ws", { headers: { origin } });
  const heard = [];
  return new Promise((resolve) => {
    socket.onopen = () => socket.send(JSON.stringify(init));
    socket.onclose = ({ code, reason }) => resolve(`closed ${code} ${reason} after ${heard}`);
    socket.onmessage = ({ data }) => {
      heard.push(JSON.parse(data).type);
      if (heard.length === 1) socket.send(JSON.stringify(sub("1", { query: "{" })));
      if (heard.length === 2) socket.send(JSON.stringify(sub("1", { query: "{ __typename }" })));
      if (heard.length === 4) resolve(heard.join(" ") === "connection_ack error next complete" ? socket.terminate() ?? null : heard.join(" "));
    };
  });
});
await probe("the client's complete is answered with silence", async () =>
  expectTypes(await talk([init, sub("1", silent), { id: "1", type: "complete" }], { patience: 300 }), "connection_ack"));
await probe("an id is free after the client's complete", async () =>
  expectTypes(
    await talk([init, sub("1", silent), { id: "1", type: "complete" }, sub("1", { query: "{ __typename }" })], { until: 3 }),
    "connection_ack next complete",
  ));
await probe("a complete of an unknown id is heard in silence", async () =>
  expectTypes(await talk([init, { id: "x", type: "complete" }], { patience: 300 }), "connection_ack"));
await probe("the 21st operation at a time is refused, the others live on", async () => {
  const got = await talk([init, ...Array.from({ length: 21 }, (_, i) => sub(`${i}`, silent))], { until: 2 });
  const refusal = got.heard[1];
  return refusal?.type === "error" && refusal.id === "20" && refusal.payload[0].extensions.code === "RATE_LIMITED"
    ? null
    : JSON.stringify(got);
});
await probe("a normal close is answered", async () => {
  const socket = new WebSocket(url, "graphql-transport-ws", { headers: { origin } });
  return new Promise((resolve) => {
    socket.onopen = () => socket.close(1000, "bye");
    socket.onclose = ({ code }) => resolve(code === 1000 ? null : `code ${code}`);
  });
});

for (const failure of failures) console.log(failure);
console.log(`${count - failures.length} of ${count} probes pass`);
process.exit(failures.length === 0 ? 0 : 1);
