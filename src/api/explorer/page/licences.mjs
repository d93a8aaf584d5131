// Writes the licence of every package whose code is in the bundle, as esbuild's meta.json names them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const { inputs } = JSON.parse(readFileSync('meta.json', 'utf8'));
const folders = new Set();
for (const input of Object.keys(inputs)) {
  const match = input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/);
  if (match) folders.add(match[0]);
}

for (const folder of [...folders].sort()) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file && existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, 'utf8') : '';
  console.log(`${name} ${version} (${license})\n\n${text.trim()}\n\n${'-'.repeat(80)}\n`);
}
