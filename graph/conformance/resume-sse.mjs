// The reference client graphql-sse follows a conversation while its connection is cut again and again, and resumes with the last cursor
// as `after`. Prints and takes the same as resume.mjs. The cuts are made by a proxy between, so that the client sees what it would see of a
// network that fails: a stream that ends in the middle.
import { createClient } from "graphql-sse";
import net from "node:net";

const { URL: address, TOKEN: token, CONVERSATION: id } = process.env;
const last = Number(process.env.LAST);
const server = new URL(address);

let cuts = 0;
const proxy = net.createServer((near) => {
  const far = net.connect(Number(server.port), server.hostname);
  const cut = () => (near.destroy(), far.destroy());
  const life = setTimeout(() => (cuts++, cut()), 20 + Math.random() * 150);
  for (const [from, to] of [[near, far], [far, near]]) {
    from.on("error", cut);
    from.on("close", () => (clearTimeout(life), cut()));
    from.pipe(to);
  }
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));

const client = createClient({
  url: `http://127.0.0.1:${proxy.address().port}${server.pathname}`,
  headers: { authorization: `Bearer ${token}` },
  retryAttempts: Infinity,
  retry: () => new Promise((resolve) => setTimeout(resolve, Math.random() * 60)),
});

const ask = (query, variables) =>
  new Promise((resolve, reject) => {
    let answer;
    client.subscribe({ query, variables }, { next: (value) => (answer = value), error: reject, complete: () => resolve(answer) });
  });

// Query first, then subscribe from the query's cursor: nothing that happens between is missed.
const page = await ask("query ($id: ID!) { conversation(id: $id) { messages(last: 100) { cursor edges { node { seq } } } } }", { id });
const connection = page.data.conversation.messages;
const variables = { id, after: connection.cursor };
const events = [];
await new Promise((resolve, reject) => {
  const query = `subscription ($id: ID!, $after: Cursor) { messageEvents(conversationId: $id, after: $after) {
    __typename ... on MessageEvent { cursor kind message { seq text } } ... on Resync { reason } } }`;
  client.subscribe(
    { query, variables },
    {
      next: ({ data, errors }) => {
        if (errors) return reject(new Error(JSON.stringify(errors)));
        const item = data.messageEvents;
        events.push(item);
        if (item.__typename === "Resync") return reject(new Error(`resync: ${item.reason}`));
        variables.after = item.cursor; // sent with the next request
        if (item.message.seq >= last) resolve();
      },
      error: reject,
      complete: () => reject(new Error("completed by the server")),
    },
  );
});
console.log(JSON.stringify({ cuts, before: connection.edges.map((edge) => edge.node.seq), events }));
process.exit(0);
