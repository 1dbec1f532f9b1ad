// The reference client graphql-ws follows a conversation while its socket is cut again and again, and resumes with the last cursor as
// `after`. It prints what it received, in order, as JSON. URL, ORIGIN, TOKEN and CONVERSATION as they say; LAST is the `seq` after which
// it stops.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { URL: url, ORIGIN: origin, TOKEN: token, CONVERSATION: id } = process.env;
const last = Number(process.env.LAST);

class Socket extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers: { origin } });
  }
}

let cuts = 0;
const client = createClient({
  url,
  webSocketImpl: Socket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, Math.random() * 60)),
  on: {
    connected: (socket) => {
      // Each connection lives for a moment, without a goodbye.
      const life = setTimeout(() => (cuts++, socket.terminate()), 20 + Math.random() * 150);
      socket.addEventListener("close", () => clearTimeout(life));
    },
  },
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
        variables.after = item.cursor; // sent with the next subscribe
        if (item.message.seq >= last) resolve();
      },
      error: reject,
      complete: () => reject(new Error("completed by the server")),
    },
  );
});
console.log(JSON.stringify({ cuts, before: connection.edges.map((edge) => edge.node.seq), events }));
process.exit(0);
