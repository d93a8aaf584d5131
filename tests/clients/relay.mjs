// relay-compiler takes the schema, every document of docs/examples, and pages and refetches as Relay writes them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { parse } from 'graphql';
import compiler from 'relay-compiler';

const here = fileURLToPath(new URL('.', import.meta.url));
const examples = path.join(here, 'house/docs/examples');

// Relay reads documents from modules, and wants operations named after their module.
function writeModules(work) {
  const names = [];
  mkdirSync(path.join(work, 'src'));
  cpSync(path.join(here, 'relay/Conversations.js'), path.join(work, 'src/Conversations.js'));
  for (const file of readdirSync(examples)) {
    const text = readFileSync(path.join(examples, file), 'utf8');
    const name = file[0].toUpperCase() + file.slice(1).replace('.graphql', '');
    const parts = parse(text).definitions.map(({ loc, name: { value } }) => {
      names.push(value);
      return `export const ${value} = graphql\`${text.slice(loc.start, loc.end)}\`;\n`;
    });
    writeFileSync(path.join(work, `src/${name}.js`), `import { graphql } from 'react-relay';\n${parts.join('')}`);
  }
  return names;
}

test('relay-compiler compiles them', (t) => {
  const work = mkdtempSync(path.join(here, 'relay-'));
  t.after(() => rmSync(work, { recursive: true }));
  mkdirSync(path.join(work, 'artifacts'));
  const names = writeModules(work);
  cpSync(path.join(here, 'relay/relay.config.json'), path.join(work, 'relay.config.json'));
  execFileSync(compiler, ['relay.config.json', '--output', 'verbose'], { cwd: work, stdio: 'pipe' });
  const made = new Set(readdirSync(path.join(work, 'artifacts')));
  const pages = ['ConversationsListPaginationQuery', 'ConversationsThreadPaginationQuery'];
  for (const name of [...names, ...pages]) assert(made.has(`${name}.graphql.ts`), name);
  const refetch = readFileSync(path.join(work, 'artifacts/ConversationsThreadPaginationQuery.graphql.ts'), 'utf8');
  assert.match(refetch, /readonly node: \{/);
});
