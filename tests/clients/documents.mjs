// The documents of docs/examples fit the schema that the server tells, and the README shows them as they are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
} from 'graphql';

import { ask } from './server.mjs';

const house = new URL('house/', import.meta.url);
const read = (path) => readFileSync(new URL(path, house), 'utf8');
const fences = (path) => [...read(path).matchAll(/^```graphql\n([^]*?)^```$/gm)].map(([, text]) => text);
const examples = readdirSync(new URL('docs/examples', house)).map((name) => read(`docs/examples/${name}`));
const print = (schema) => printSchema(lexicographicSortSchema(schema));

// Everything that tools ask for.
const introspection = getIntrospectionQuery({
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

test('the server tells schema.graphql, and the documents fit it', async () => {
  const answer = await ask(introspection);
  // The library describes schemas as such, by a sentence that SDL cannot tell from ours.
  delete answer.__schema.description;
  const schema = buildClientSchema(answer);
  assert(print(schema) === print(buildSchema(read('schema.graphql'))), 'the server tells another schema');
  for (const text of [...examples, ...fences('docs/subscriptions.md')]) {
    assert.deepEqual(validate(schema, parse(text)).map(({ message }) => message), []);
  }
});

test('the README shows documents of docs/examples as they are', () => {
  const shown = fences('README.md');
  assert.equal(shown.length, 3);
  for (const text of shown) assert(examples.includes(text), text);
});
