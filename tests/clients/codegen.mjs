// graphql-codegen makes types of the schema and of docs/examples, and TypeScript accepts them in a program.
import { execFileSync } from 'node:child_process';
import test from 'node:test';

const tool = (name, ...options) => execFileSync(`node_modules/.bin/${name}`, options, { stdio: 'inherit' });

test('graphql-codegen, then tsc', () => {
  tool('graphql-codegen', '--config', 'codegen/codegen.json', '--errors-only');
  tool('tsc', '--noEmit', '--project', 'codegen');
});
