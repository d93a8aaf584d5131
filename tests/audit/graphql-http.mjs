// The audits of the npm package `graphql-http` against a running server. By hand:
//   npm install graphql-http graphql && node tests/audit/graphql-http.mjs http://127.0.0.1:8080/graphql
import { auditServer } from 'graphql-http';

const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';
const results = await auditServer({ url });
for (const { id, name, status, reason } of results) {
  if (status !== 'ok') console.log(`${status}  ${id}  ${name}\n    ${reason}`);
}
const passed = results.filter(({ status }) => status === 'ok').length;
console.log(`${passed} of ${results.length} audits pass`);
process.exitCode = passed === results.length ? 0 : 1;
