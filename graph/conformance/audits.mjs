// Runs every audit of the graphql-http reference suite against URL and prints those that are not "ok".
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.env.URL });
const failed = results.filter((result) => result.status !== "ok");
for (const result of failed) console.log(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
console.log(`${results.length - failed.length} of ${results.length} ok`);
process.exit(failed.length === 0 ? 0 : 1);
