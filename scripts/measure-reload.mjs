/**
 * From save to served: how long after a save of a source `alknet dev` answers a call with the new code. The built
 * command runs as its user runs it; the client asks again and again on one connection until it sees what was saved.
 * Arguments: `--saves N` (default 40), `--files N` modules of the plugin beside those of its operations (default 0),
 * `--isolation inline|worker` (default inline).
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { connect } from '../host/dist/client.js';
import { root } from './install.mjs';

const { values } = parseArgs({
  options: {
    saves: { type: 'string', default: '40' },
    files: { type: 'string', default: '0' },
    isolation: { type: 'string', default: 'inline' },
  },
});
const saves = Number(values.saves);
const files = Number(values.files);

const folder = mkdtempSync(join(tmpdir(), 'alknet-measure-'));
const write = (name, text) => writeFileSync(join(folder, name), text);
mkdirSync(join(folder, 'src'));
write(
  'package.json',
  JSON.stringify({
    name: 'acme-clock',
    version: '0.1.0',
    type: 'module',
    alknet: { plugin: './src/plugin.ts', name: 'clock', alpns: ['clock/echo'] },
  }),
);
const operation = (name, type, handler) =>
  `export const ${name} = defineOperation({ name: 'clock/${name}', type: '${type}', access: { scopes: ['clock:use'] }, input: Type.Object({}), output: Type.Any(), ${handler} });\n`;
const operations = (word) =>
  [
    `import { defineOperation, Type } from '@alknet/sdk';\n`,
    operation('now', 'query', `handler: () => '${word}'`),
    operation('set', 'mutation', 'handler: () => true'),
    operation('ticks', 'subscription', 'async *handler() { yield 1; }'),
  ].join('');
write('src/operations.ts', operations('w0'));
const names = Array.from({ length: files }, (_, index) => `m${index}`);
for (const name of names) write(`src/${name}.ts`, `export const ${name}: string = '${'x'.repeat(2000)}';\n`);
write(
  'src/plugin.ts',
  `import { definePlugin, Type } from '@alknet/sdk';
import { now, set, ticks } from './operations.ts';
${names.map((name) => `import { ${name} } from './${name}.ts';`).join('\n')}
export default definePlugin({
  name: 'clock', version: '0.1.0', alpns: ['clock/echo'], operations: [now, set, ticks],
  config: Type.Object({ zone: Type.String({ default: 'UTC' }) }),
  start: () => ({ size: [${names.join(', ')}].length, async connection(c) { for await (const stream of c) stream.pipe(stream); } }),
});
`,
);

const child = spawn(
  process.execPath,
  [join(root, 'host/bin/alknet.js'), 'dev', '--json', '--isolation', values.isolation, folder],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let ready;
  while (ready?.event !== 'ready') ready = JSON.parse((await lines.next()).value);
  const { dataDir, id, addresses } = ready;
  const drop = async () => {
    for (;;) if ((await lines.next()).done) return;
  };
  void drop();
  const session = await connect(`${addresses[0].split(' ')[1]}#${id}`, {
    identity: join(dataDir, 'operator.key'),
  });
  const times = [];
  for (let save = 1; save <= saves; save++) {
    write('src/operations.ts', operations(`w${save}`));
    const begun = performance.now();
    while ((await session.call('clock/now', {})) !== `w${save}`);
    times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  session.close();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(0);
  console.log(
    `save to served, ${values.isolation}, ${files + 2} files: median ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms of ${saves} saves; Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} cores`,
  );
} finally {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
