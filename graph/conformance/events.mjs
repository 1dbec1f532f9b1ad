// Drives the event streams with the reference client graphql-sse, and looks at the raw bytes. URL and TOKEN as in probes.mjs.
import { createClient } from "graphql-sse";

const headers = { authorization: `Bearer ${process.env.TOKEN}` };
const three = 'subscription { messageEvents(conversationId: "018f0000-0000-7000-8000-000000000001") { __typename } }';
const client = createClient({ url: process.env.URL, headers, retryAttempts: 0 });
const failures = [];

function collect(query) {
  return new Promise((resolve, reject) => {
    const got = [];
    client.subscribe({ query }, { next: (value) => got.push(value), error: reject, complete: () => resolve(got) });
  });
}
const check = (name, got, expected) => {
  if (JSON.stringify(got) !== JSON.stringify(expected)) failures.push(`${name}: ${JSON.stringify(got)}`);
};

check("a subscription", (await collect(three)).map((response) => response.data.n), [1, 2, 3]);
check("a query", await collect("{ __typename }"), [{ data: { __typename: "Query" } }]);
check("a refused document", (await collect("{ nothing }"))[0].errors[0].extensions.code, "INVALID");

const post = (body, accept) =>
  fetch(process.env.URL, { method: "POST", body, headers: { ...headers, accept, "content-type": "application/json" } });
const stream = await post(JSON.stringify({ query: "{ __typename }" }), "text/event-stream");
check("media type", stream.headers.get("content-type"), "text/event-stream; charset=utf-8");
check("bytes", await stream.text(), 'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata: \n\n');
check("no JSON", (await post("{", "text/event-stream")).status, 400);
check("GET", (await fetch(process.env.URL, { headers: { ...headers, accept: "text/event-stream" } })).status, 405);

for (const failure of failures) console.log(failure);
process.exit(failures.length === 0 ? 0 : 1);
