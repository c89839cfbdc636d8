/**
 * Who may import whom (docs/architecture.md): the sdk nothing of ours, the host the sdk, a plugin the sdk, the vault
 * nothing of alknet at all; no package reaches into another by a path; the QUIC library is seen by its engine alone; and a
 * library of which the build makes one file is seen by that file alone.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './install.mjs';

const below = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
const packages = ['sdk', 'host', ...below('plugins'), ...below('examples')];
const allowed = (name) => (name === 'sdk' ? [] : ['@alknet/sdk']);
// `… from 'x'`, `import 'x'` and `import('x')`, and not a call such as Buffer.from('x').
const pattern = /(?:(?<!\.)\bfrom\s|\bimport\s*\(?)\s*['"]([^'"]+)['"]/g;

const problems = [];
for (const name of packages) {
  const source = join(root, name, 'src');
  for (const entry of readdirSync(source, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    // Not what a comment shows to its reader.
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, specifier] of code.matchAll(pattern)) check(name, source, file, specifier);
  }
}

function check(name, source, file, specifier) {
  const where = relative(root, file);
  if (specifier.startsWith('.')) {
    const target = resolve(dirname(file), specifier);
    if (!target.startsWith(`${source}/`)) problems.push(`${where}: ${specifier} leaves its package`);
    const vault = join(source, 'vault');
    if (name === 'host' && file.startsWith(`${vault}/`) && !target.startsWith(`${vault}/`)) {
      problems.push(`${where}: the vault imports nothing else of alknet, found ${specifier}`);
    }
    return;
  }
  const engine = join(root, 'host/src/endpoint/quic');
  if (/^@matrixai\/quic(\/|$)/.test(specifier) && !file.startsWith(`${engine}/`)) {
    problems.push(
      `${where}: only host/src/endpoint/quic/ may import ${specifier}; others import endpoint/engine.ts`,
    );
  }
  if (
    /^(typebox|ajv|ajv-formats|jsonc-parser)(\/|$)/.test(specifier) &&
    !file.startsWith(join(source, 'libraries'))
  ) {
    const own = existsSync(join(source, 'libraries'));
    if (own) problems.push(`${where}: only ${relative(root, source)}/libraries/ may import ${specifier}`);
  }
  if (!specifier.startsWith('@alknet/')) return;
  const owner = specifier.split('/').slice(0, 2).join('/');
  if (!allowed(name).includes(owner)) problems.push(`${where}: ${name} may not import ${specifier}`);
}

for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
