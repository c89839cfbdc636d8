/**
 * Writes the documents that are made from code: `docs/errors.md`. With `--check` it compares instead, and fails when one
 * is not what the code says.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTables } from '../host/src/error-table.ts';
import { root } from './install.mjs';

function errors() {
  const lines = [
    '# Errors',
    '',
    'Generated from `host/src/error-table.ts` by `node scripts/generate-docs.mjs`. Programs switch on the code, never on the message.',
  ];
  for (const { title, where, rows } of errorTables) {
    lines.push('', `## ${title}`, '', `${where}.`, '', '| Code | Means | Try |', '|---|---|---|');
    for (const [code, { means, remedy }] of Object.entries(rows))
      lines.push(`| \`${code}\` | ${means} | ${remedy} |`);
  }
  return `${lines.join('\n')}\n`;
}

const documents = [['docs/errors.md', errors()]];
let stale = 0;
for (const [path, text] of documents) {
  const file = join(root, path);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
    continue;
  }
  let found = '';
  try {
    found = readFileSync(file, 'utf8');
  } catch {}
  if (found === text) continue;
  stale++;
  console.error(
    `${path} is not what the code says; run: node --import tsx --conditions=alknet:source scripts/generate-docs.mjs`,
  );
}
process.exit(stale === 0 ? 0 : 1);
