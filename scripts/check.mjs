/**
 * `npm run check`: types, lint and format, the import rules of the design, unused code and dependencies, package
 * exports, and documents that are generated.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bin, ensureBuilt, ensureInstalled, root } from './install.mjs';

ensureInstalled();
ensureBuilt();

const published = ['sdk', 'host', ...readdirSync(join(root, 'plugins')).map((name) => join('plugins', name))];
const steps = [
  ['types', bin('tsc'), ['-p', 'tsconfig.check.json']],
  ['types of the page', bin('tsc'), ['-p', 'plugins/http/src/page/browser/tsconfig.json']],
  ['lint and format', bin('biome'), ['ci', '--error-on-warnings', '.']],
  ['imports', process.execPath, ['scripts/check-imports.mjs']],
  ['unused code and dependencies', bin('knip'), []],
  ...published.map((name) => [`exports of ${name}`, bin('publint'), ['--strict', name]]),
  [
    'generated documents',
    process.execPath,
    ['--conditions=alknet:source', '--import', 'tsx', 'scripts/generate-docs.mjs', '--check'],
  ],
];

let failed = 0;
for (const [name, program, args] of steps) {
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  const ok = result.status === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name}`);
  if (!ok) {
    failed++;
    console.log(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
