/** `alknet plugin check`, on plugins that are in order and on others: what it finds, what it says, how it ends. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Place, place } from './support.ts';

interface Finding {
  readonly where: 'package' | 'worker' | 'inline';
  readonly title: string;
  readonly problem?: string;
}

interface Report {
  readonly name: string;
  readonly version: string | null;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly findings: readonly Finding[];
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

async function files(here: Place, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(here.folder, name)), { recursive: true });
    await here.write(name, text);
  }
}

async function check(here: Place, args: readonly string[]): Promise<{ code: number | null; report: Report }> {
  const { code, stdout, stderr } = await here.run(['plugin', 'check', '--json', ...args]);
  assert.ok(stdout !== '', stderr);
  return { code, report: JSON.parse(stdout) as Report };
}

const problems = ({ findings }: Report) => findings.filter(({ problem }) => problem !== undefined);

/** Exactly one check fails: where, which and why. */
async function fails(
  here: Place,
  args: readonly string[],
  where: Finding['where'],
  title: RegExp,
  problem: RegExp,
): Promise<Report> {
  const { code, report } = await check(here, args);
  assert.equal(code, 1);
  assert.deepEqual(
    problems(report).map((finding) => finding.where),
    [where],
    JSON.stringify(problems(report)),
  );
  const [found] = problems(report);
  assert.match(found?.title ?? '', title);
  assert.match(found?.problem ?? '', problem);
  assert.equal(report.failed, 1);
  return report;
}

interface Shape {
  /** Of the plugin, beside its name and version. */
  readonly members?: string;
  readonly before?: string;
  /** Of `package.json`. */
  readonly content?: object;
  readonly alknet?: object;
}

const query = (handler: string, more = '') =>
  `operations: [defineOperation({ name: 'lamp/on', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), ${more} handler: ${handler} })],`;

/** The package `lamp`. */
async function lamp(
  t: TestContext,
  { members = '', before = '', content = {}, alknet = {} }: Shape = {},
): Promise<Place> {
  const here = await place(t);
  const manifest = { plugin: './src/plugin.ts', name: 'lamp', sdk: '^0.1.0', ...alknet };
  await files(here, {
    'package.json': JSON.stringify({
      name: 'lamp',
      version: '1.0.0',
      type: 'module',
      files: ['src'],
      alknet: manifest,
      ...content,
    }),
    'src/plugin.ts': `import { defineOperation, definePlugin, Type } from '@alknet/sdk';
${before}
export default definePlugin({ name: 'lamp', version: '1.0.0', ${members} });
`,
  });
  return here;
}

/** Gives up early on what hangs. */
const hasty = ['--samples', 'hasty.json'];
const hastyFile = { 'hasty.json': '{ "patience": 1500 }' };

test('plugin check passes for what plugin new writes, for the examples and for plugins of ours, in a worker and inline', {
  timeout: 240_000,
}, async (t) => {
  const here = await place(t);
  await here.ok(['plugin', 'new', 'acme-clock']);
  const text = await here.run(['plugin', 'check', 'acme-clock']);
  assert.equal(text.code, 0, text.stdout);
  assert.match(text.stdout, /^ok {4}package {2}it imports only what it may$/m);
  assert.match(text.stdout, /^ok {4}worker {3}acme-clock\/ticks ends with its caller$/m);
  assert.match(text.stdout, /^ok {4}inline {3}acme-clock\/echo outlives the reset of a stream$/m);
  assert.match(text.stdout, /\nacme-clock: all 42 checks passed\n$/);
  for (const path of ['examples/acme-chat', 'examples/acme-feed', 'examples/acme-invoice', 'plugins/call']) {
    const { code, report } = await check(here, [join(root, path)]);
    assert.equal(code, 0, JSON.stringify(problems(report)));
    assert.deepEqual([report.failed, report.skipped], [0, []]);
    assert.equal(report.passed, report.findings.length);
    for (const where of ['package', 'worker', 'inline'])
      assert.ok(report.findings.some((finding) => finding.where === where));
  }
});

test('plugin check takes the package of the directory it stands in, or a single file, and one place alone', async (t) => {
  const here = await lamp(t, { members: query('() => 1') });
  const inPlace = await check(here, ['--isolation', 'inline']);
  assert.equal(inPlace.code, 0);
  assert.deepEqual(
    [inPlace.report.name, inPlace.report.version, inPlace.report.skipped],
    ['lamp', '1.0.0', []],
  );
  assert.ok(inPlace.report.findings.every(({ where }) => where !== 'worker'));
  const file = await check(here, ['src/plugin.ts', '--isolation', 'worker']);
  assert.equal(file.code, 0);
  assert.ok(file.report.findings.every(({ where }) => where !== 'inline'));
});

test('plugin check finds a manifest that its code belies, and a name that is not its own', async (t) => {
  const here = await lamp(t, { content: { version: '1.0.1' } });
  const report = await fails(here, ['.'], 'worker', /its code loads/, /"1\.0\.1", the module says "1\.0\.0"/);
  assert.deepEqual(report.skipped, ['inline']);
  const claims = await lamp(t, {
    members: `alpns: ['acme/lamp'], start: () => ({ connection() {} })`,
    alknet: { alpns: ['acme/lamp'] },
  });
  await fails(claims, [], 'worker', /its code loads/, /claims ALPN "acme\/lamp"/);
  const foreign = await lamp(t, { members: query('() => 1').replace('lamp/on', 'fan/on') });
  await fails(foreign, [], 'worker', /its code loads/, /"fan\/on".*expected a name that begins with lamp\//);
});

test('plugin check finds imports of what is not installed, not packed, or not a plugin’s to reach; types are free', async (t) => {
  const here = await lamp(t, {
    before: [
      `import { connect } from '@alknet/host/client';`,
      `import type call from '@alknet/plugin-call';`,
      `import bulb from 'bulb';`,
      `import { word } from '../outside/word.ts';`,
      `export type Calls = typeof call;`,
      `export const used = [connect, bulb, word];`,
    ].join('\n'),
  });
  await files(here, {
    'outside/word.ts': `export const word = 'w';`,
    'node_modules/bulb/package.json': '{"name":"bulb","version":"1.0.0","main":"./index.js"}',
    'node_modules/bulb/index.js': `const socket = require('socket'); module.exports = socket;`,
    'node_modules/socket/package.json': '{"name":"socket","version":"1.0.0","main":"./index.js"}',
    'node_modules/socket/index.js': `module.exports = 7;`,
  });
  const { code, report } = await check(here, ['--isolation', 'inline']);
  assert.equal(code, 1);
  const found = report.findings.find(({ title }) => title === 'it imports only what it may')?.problem ?? '';
  const lines = found.split('\n').sort();
  assert.equal(lines.length, 3, found);
  assert.match(lines[0] ?? '', /^outside\/word\.ts is not in the package .* "files" of package\.json/);
  assert.match(
    lines[1] ?? '',
    /^src\/plugin\.ts imports @alknet\/host\/client: a plugin reaches the host by/,
  );
  // What a dependency needs is its own affair.
  assert.match(lines[2] ?? '', /^src\/plugin\.ts imports bulb: add bulb to "dependencies"/);
});

test('plugin check finds a schema that is none, and source that is none, with the place', async (t) => {
  const here = await lamp(t, {
    members: query('() => 1').replace('Type.Any()', `Type.Unsafe({ type: 'lamp' })`),
  });
  const { code, report } = await check(here, []);
  assert.equal(code, 1);
  assert.match(problems(report)[0]?.problem ?? '', /lamp\/on/);
  const broken = await lamp(t, { before: 'const a = ;' });
  const said = await check(broken, []);
  assert.equal(said.code, 1);
  for (const { problem } of problems(said.report))
    assert.match(problem ?? '', /src\/plugin\.ts:2:11: Unexpected ";"/);
});

test('plugin check finds a subscription that outlives its caller and a stream that never ends', async (t) => {
  const here = await lamp(t, {
    members: `operations: [defineOperation({ name: 'lamp/glow', type: 'subscription', access: 'public',
      input: Type.Object({}), output: Type.Any(),
      async *handler() { yield 1; await new Promise((resolve) => setTimeout(resolve, 2000)); } })],
      alpns: ['lamp/light'],
      start: () => ({ async connection(connection) {
        for await (const stream of connection) stream.on('error', () => {}).resume();
      } }),`,
    alknet: { alpns: ['lamp/light'] },
  });
  await files(here, hastyFile);
  const { code, report } = await check(here, [...hasty, '--isolation', 'worker']);
  assert.equal(code, 1);
  const found = new Map(problems(report).map(({ title, problem }) => [title, problem ?? '']));
  assert.match(found.get('lamp/glow ends with its caller') ?? '', /must heed context\.signal/);
  const half = [...found].find(([title]) => title.startsWith('lamp/light ends its side'));
  assert.match(half?.[1] ?? '', /did not end its side of a stream .* within 1500 ms/);
});

test('plugin check finds, inline, what a plugin leaves behind and throws where nobody waits', {
  timeout: 120_000,
}, async (t) => {
  const leaky = await lamp(t, { members: `start() { setInterval(() => {}, 1e6); },` });
  await files(leaky, hastyFile);
  // A thread takes its timers along.
  await fails(leaky, hasty, 'inline', /leave nothing behind/, /a timer, made .*src\/plugin\.ts:3:/);
  const thrower = await lamp(t, {
    members: query(`() => { Promise.reject(new Error('nobody waits')); return 1; }`),
  });
  const { report } = await check(thrower, ['--isolation', 'inline']);
  assert.match(problems(report)[0]?.title ?? '', /nothing is thrown where nobody waits/);
  assert.match(problems(report)[0]?.problem ?? '', /Error: nobody waits[\s\S]*src\/plugin\.ts:3:/);
});

test('plugin check survives a plugin that ends its process or loops, and does not run it inline then', {
  timeout: 120_000,
}, async (t) => {
  const quitter = await lamp(t, { members: query('() => process.exit(0)') });
  await files(quitter, hastyFile);
  const { code, report } = await check(quitter, hasty);
  assert.equal(code, 1);
  assert.deepEqual(report.skipped, ['inline']);
  assert.match(problems(report).at(-1)?.problem ?? '', /ended itself with exit code 0/);
  const inline = await quitter.run(['plugin', 'check', '--json', '--isolation', 'inline']);
  assert.equal(inline.code, 1);
  assert.equal(inline.stdout, '');
  assert.match(JSON.parse(inline.stderr).error.message, /lamp ended the process that it ran in/);
  const looper = await lamp(t, { members: query('() => { for (;;); }') });
  await files(looper, hastyFile);
  const looped = await check(looper, hasty);
  assert.equal(looped.code, 1);
  assert.deepEqual(looped.report.skipped, ['inline']);
});

test('plugin check takes config, inputs, streams and secrets from the author, and makes up secrets that are not given', async (t) => {
  const here = await lamp(t, {
    members: `
      requests: { secrets: ['bulb'] },
      config: Type.Object({ watts: Type.Integer() }, { additionalProperties: false }),
      operations: [defineOperation({ name: 'lamp/on', type: 'query', access: 'public', openWorld: true,
        input: Type.Object({ room: Type.String() }, { additionalProperties: false }), output: Type.String(),
        handler: ({ room }, { capabilities }) => {
          if (room !== 'attic' || String(capabilities.get('bulb')) !== 'e27') throw new Error('in the dark');
          return room;
        } })],
      alpns: ['lamp/light'],
      start: (host) => ({ async connection(connection) {
        for await (const stream of connection) {
          stream.on('error', () => {}).resume();
          const timer = setInterval(() => stream.write(String(host.config.watts)), 10);
          stream.once('close', () => clearInterval(timer));
        }
      } }),`,
    alknet: { alpns: ['lamp/light'], requests: { secrets: ['bulb'] } },
  });
  const samples = {
    config: { watts: 40 },
    inputs: { 'lamp/on': { room: 'attic' } },
    streams: { 'lamp/light': { receive: '4040', endless: true } },
  };
  await files(here, { 'samples.json': JSON.stringify(samples), 'bulb.key': 'e27\n' });
  const given = await check(here, ['--samples', 'samples.json', '--secret', 'bulb=bulb.key']);
  assert.equal(given.code, 0, JSON.stringify(problems(given.report)));
  assert.ok(given.report.findings.some(({ title }) => title === 'lamp/on gives what it declares'));
  const other = await check(here, ['--samples', 'samples.json', '--isolation', 'inline']);
  assert.match(problems(other.report)[0]?.problem ?? '', /in the dark/);
  const none = await check(here, ['--isolation', 'inline']);
  assert.match(problems(none.report)[0]?.problem ?? '', /watts/);
});

test('plugin check keeps what a plugin prints off its own output', async (t) => {
  const here = await lamp(t, { members: `start() { console.log('let there be light'); },` });
  const { code, stdout, stderr } = await here.run(['plugin', 'check', '--json']);
  assert.equal(code, 0);
  assert.equal((JSON.parse(stdout) as Report).failed, 0);
  assert.match(stderr, /let there be light/);
});

test('plugin check refuses what is no plugin, and samples that are none, with exit 2', async (t) => {
  const here = await lamp(t);
  await files(here, { 'list.json': '[]', 'odd.json': '{ "stream": {} }', 'empty/package.json': '{}' });
  for (const [args, message] of [
    [['nowhere'], /nowhere: expected a plugin's directory or file, found nothing/],
    [['empty'], /expected a package\.json with the field "alknet", found none/],
    [['--samples', 'none.json'], /--samples: none\.json cannot be read as JSON/],
    [['--samples', 'list.json'], /--samples: list\.json: \/ /],
    [['--samples', 'odd.json'], /--samples: odd\.json: .*stream/],
    [['--secret', 'bulb'], /--secret: expected NAME=FILE/],
    [['--isolation', 'process'], /--isolation: expected inline or worker, found "process"/],
    [['--node', 'local'], /takes no --node/],
  ] as const) {
    const { code, stdout, stderr } = await here.run(['plugin', 'check', ...args]);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message);
  }
  await files(here, { 'package.json': '{ "version": "1.0.0", "alknet": { "name": 7 } }' });
  const { code, stderr } = await here.run(['plugin', 'check']);
  assert.equal(code, 1);
  assert.match(stderr, /package\.json: alknet\//);
});
