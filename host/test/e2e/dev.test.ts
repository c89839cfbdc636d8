/** `alknet dev` as its user meets it: real files, real saves, a real node. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Session } from '@alknet/sdk/call';
import { connect, dial } from '../../src/client.ts';
import { shellIn } from './cli-support.ts';
import { eventually, type Place, place } from './support.ts';

const command = fileURLToPath(new URL('../../bin/alknet.js', import.meta.url));
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

interface Told {
  readonly event: string;
  readonly plugin?: string;
  readonly problems?: readonly {
    readonly message: string;
    readonly file?: string;
    readonly line?: number;
    readonly column?: number;
    readonly frame?: string;
  }[];
  readonly [member: string]: unknown;
}

interface Dev {
  readonly ready: Told & { readonly dataDir: string; readonly id: string; readonly addresses: string[] };
  readonly pid: number;
  /** Everything told so far. */
  readonly told: readonly Told[];
  /** The next that was not waited for yet. */
  next(event: string, plugin?: string): Promise<Told>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  session(): Promise<Session>;
  call(name: string, input?: unknown): Promise<unknown>;
}

async function files(here: Place, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    const path = join(here.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Runs in a temporary directory of its own: what stays behind can be seen. */
async function dev(
  here: Place,
  args: readonly string[],
  cwd = here.folder,
  path = process.env['PATH'],
): Promise<Dev> {
  const temporary = join(here.folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  const child = spawn(process.execPath, [command, 'dev', '--json', ...args], {
    cwd,
    env: { PATH: path, TMPDIR: temporary, HOME: here.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  here.daemons.add(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  });
  const told: Told[] = [];
  const taken = new Set<Told>();
  const waiting = new Set<() => void>();
  let errors = '';
  let rest = '';
  let over = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    told.push(...lines.map((line) => JSON.parse(line) as Told));
    for (const look of waiting) look();
  });
  void closed.then(() => {
    over = true;
    for (const look of waiting) look();
  });
  const next = (event: string, plugin?: string) =>
    new Promise<Told>((resolve, reject) => {
      const look = () => {
        const found = told.find(
          (one) => !taken.has(one) && one.event === event && (plugin === undefined || one.plugin === plugin),
        );
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found === undefined) return reject(new Error(`ended without ${event}: ${errors}`));
        taken.add(found);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const ready = (await next('ready')) as Dev['ready'];
  const session = () =>
    connect(`${ready.addresses[0]?.split(' ')[1]}#${ready.id}`, {
      identity: join(ready.dataDir, 'operator.key'),
    });
  return {
    ready,
    pid: child.pid ?? 0,
    told,
    next,
    async stop(signal = 'SIGINT') {
      child.kill(signal);
      return (await closed)[0];
    },
    session,
    async call(name, input = {}) {
      const own = await session();
      try {
        return await own.call(name, input);
      } finally {
        own.close();
      }
    },
  };
}

/** A stream on a connection of its own to `clock/say`, which answers. */
async function says(t: TestContext, { ready }: Dev): Promise<(word: string) => Promise<string>> {
  const connection = await dial(`${ready.addresses[0]?.split(' ')[1]}#${ready.id}`, 'clock/say');
  t.after(() => connection.close());
  const stream = await connection.openStream();
  stream.on('error', () => {});
  return async (word) => {
    stream.write(word);
    const [answer] = (await once(stream, 'data')) as [Buffer];
    return answer.toString();
  };
}

const plugin = (members = '') => `import { definePlugin } from '@alknet/sdk';
import { now } from './now.ts';

export default definePlugin({
  name: 'clock',
  version: '1.0.0',
  ${members}
  operations: [now],
});
`;
const now = (word: string) => `import { defineOperation, Type } from '@alknet/sdk';

export const now = defineOperation({
  name: 'clock/now',
  type: 'query',
  access: { scopes: ['clock:read'] },
  input: Type.Object({}),
  output: Type.Object({ word: Type.String() }),
  handler: () => ({ word: ${word} }),
});
`;

const inlineDev = ['--isolation', 'inline'];

/** For a plugin in the thread of the node, and for one in a thread of its own. */
function inBoth(body: (t: TestContext, isolation: 'inline' | 'worker') => Promise<void>) {
  return async (t: TestContext) => {
    for (const isolation of ['inline', 'worker'] as const)
      await t.test(isolation, (inner) => body(inner, isolation));
  };
}

async function clockPackage(here: Place, directory: string, requests: object = {}): Promise<void> {
  const manifest = { plugin: './src/plugin.ts', name: 'clock', requests };
  const wishes = Object.keys(requests).length === 0 ? '' : `requests: ${JSON.stringify(requests)},`;
  await files(here, {
    [`${directory}/package.json`]: JSON.stringify({
      name: 'acme-clock',
      version: '1.0.0',
      type: 'module',
      alknet: manifest,
    }),
    [`${directory}/src/plugin.ts`]: plugin(wishes),
    [`${directory}/src/now.ts`]: now(`'one'`),
  });
}

interface Shown {
  readonly name: string;
  readonly isolation: string;
  readonly granted: { readonly scopes?: string[]; readonly secrets?: string[] };
  readonly missing: readonly { readonly entry: string }[];
  readonly provenance: { readonly package: string } | null;
}

/** A plugin as the status at the start shows it. */
const shown = ({ ready }: Dev, plugin: string) =>
  (ready['plugins'] as Shown[]).find(({ name }) => name === plugin);

const left = async (here: Place) => await readdir(join(here.folder, 'tmp'));
/** A killed process leaves what its plugins had as well, which nobody else may take away. */
const leftByDev = async (here: Place) => (await left(here)).filter((name) => name.startsWith('alknet-dev-'));

/** Process ids, of all or of the children of one. */
async function alive(parent?: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([pid = '', of]) => (parent === undefined || of === String(parent) ? [pid] : []));
}

test(
  'CLI-36 dev serves the package of this directory, reloads it at save, and leaves nothing behind',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock', { scopes: ['fs:read'] });
    const node = await dev(here, ['--isolation', isolation], join(here.folder, 'clock'));
    // The developer has what the operation asks of a caller.
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });
    assert.deepEqual(shown(node, 'clock')?.granted.scopes, ['fs:read']);
    assert.equal(shown(node, 'clock')?.provenance?.package, 'acme-clock');
    assert.equal(shown(node, 'clock')?.isolation, isolation);

    await files(here, { 'clock/src/now.ts': now(`'two'`) });
    const reloaded = await node.next('reloaded', 'clock');
    assert.deepEqual(reloaded['files'], [join(here.folder, 'clock/src/now.ts')]);
    assert.deepEqual(await node.call('clock/now'), { word: 'two' });

    const helpers = await alive(node.pid);
    assert.ok(helpers.length > 0, 'esbuild runs in a process of its own');
    assert.equal(await node.stop(), 0);
    assert.deepEqual(await left(here), []);
    // They see the end of their input, and go.
    await eventually('the processes end', async () => (await alive()).every((pid) => !helpers.includes(pid)));
    assert.deepEqual((await readdir(join(here.folder, 'clock'))).sort(), ['package.json', 'src']);
  }),
);

test(
  'CLI-36 dev keeps the last good version on an error, and shows file, line, column and a code frame',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock');
    const node = await dev(here, ['--isolation', isolation, 'clock']);
    const file = join(here.folder, 'clock/src/now.ts');
    await writeFile(file, `${now(`'two'`)}const a = ;\n`);
    const [syntax] = (await node.next('kept', 'clock')).problems ?? [];
    assert.deepEqual([syntax?.file, syntax?.line, syntax?.column], [file, 11, 11]);
    assert.equal(syntax?.frame?.split('\n')[2], '> 11 | const a = ;');
    assert.equal(syntax?.frame?.split('\n')[3], `     | ${' '.repeat(10)}^`);
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });

    await writeFile(file, `${now(`'two'`)}throw new Error('at load');\n`);
    const [thrown] = (await node.next('kept', 'clock')).problems ?? [];
    assert.match(thrown?.message ?? '', /its module threw: at load/);
    assert.deepEqual([thrown?.file, thrown?.line], [file, 11]);
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });

    await writeFile(file, now(`'three'`));
    await node.next('reloaded', 'clock');
    assert.deepEqual(await node.call('clock/now'), { word: 'three' });
    assert.equal(await node.stop('SIGTERM'), 0);
    assert.deepEqual(await left(here), []);
  }),
);

test(
  'dev shows type errors with their places while the code that has them is served',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock');
    await files(here, {
      'clock/tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          module: 'nodenext',
          target: 'es2022',
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          types: [],
        },
        include: ['src'],
      }),
      'clock/src/word.ts': 'export interface Word { text: string }\n',
    });
    await symlink(modules, join(here.folder, 'clock/node_modules'));
    const node = await dev(here, ['--isolation', isolation, 'clock']);
    assert.deepEqual((await node.next('types', 'clock')).problems, []);
    const file = join(here.folder, 'clock/src/now.ts');
    await writeFile(
      file,
      `import type { Word } from './word.ts';\n${now(`({ text: 'typed' } satisfies Word).text`)}`,
    );
    await node.next('reloaded', 'clock');
    assert.deepEqual((await node.next('types', 'clock')).problems, []);

    // A file of types alone is no part of what runs.
    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: number }\n');
    const [problem] = (await node.next('types', 'clock')).problems ?? [];
    assert.match(problem?.message ?? '', /^TS2322: Type 'string' is not assignable to type 'number'/);
    assert.deepEqual([problem?.file, problem?.line], [file, 10]);
    assert.match(problem?.frame ?? '', /^> 10 \|/m);
    assert.deepEqual(await node.call('clock/now'), { word: 'typed' });

    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: string }\n');
    assert.deepEqual((await node.next('types', 'clock')).problems, []);
    // While it looks once more.
    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: boolean }\n');
    assert.equal(await node.stop(), 0);
    assert.deepEqual(await left(here), []);
  }),
);

test(
  'dev takes the configuration of the directory, follows it, and keeps what is in force on an error',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    const source = (word: string) => `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    let word = '';
    const now = defineOperation({ name: 'clock/now', type: 'query', access: 'public', input: Type.Object({}),
      output: Type.Any(), handler: () => '${word} ' + word });
    export default definePlugin({ operations: [now], name: 'clock', version: '1.0.0',
      requests: { scopes: ['fs:read', 'fs:write'] },
      config: Type.Object({ word: Type.String({ default: 'none' }) }),
      start(host) { word = host.config.word; return { configure(config) { word = config.word; } }; } });`;
    const config = (entry: object) =>
      JSON.stringify({
        dataDir: './data',
        plugins: { clock: { use: './time.ts', isolation, grant: { scopes: ['fs:read'] }, ...entry } },
      });
    await files(here, { 'time.ts': source('a'), 'alknet.config.json': config({}) });
    const node = await dev(here, []);
    assert.equal(await node.call('clock/now'), 'a none');
    assert.deepEqual(shown(node, 'clock')?.granted.scopes, ['fs:read']);

    await here.write('alknet.config.json', config({ config: { word: 'set' } }));
    await node.next('configured', 'clock');
    assert.equal(await node.call('clock/now'), 'a set');
    await here.write('alknet.config.json', config({ config: { word: 7 } }));
    const refused = await node.next('config');
    assert.match(String(refused['problem'] ?? (await node.next('config'))['problem']), /word/);
    assert.equal(await node.call('clock/now'), 'a set');
    await here.write('time.ts', source('b'));
    await node.next('reloaded', 'clock');
    assert.equal(await node.call('clock/now'), 'b set');
    assert.equal(await node.stop(), 0);
    // The node of the directory was not touched.
    assert.ok(!existsSync(here.data));
  }),
);

test('dev serves several plugins, a file among them, and gives a secret that it was told', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock');
  await files(here, {
    'moon.ts': `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
      const phase = defineOperation({ name: 'moon/phase', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(),
        handler: (_input, { capabilities }) => String(capabilities.apiKey('moon-key')?.length ?? 'none') });
      export default definePlugin({ name: 'moon', version: '1.0.0', operations: [phase], requests: { secrets: ['moon-key', 'other'] } });`,
  });
  await here.write('key', 'abcdef\n');
  const node = await dev(here, [...inlineDev, '--secret', 'moon-key=key', 'clock', 'moon.ts']);
  assert.deepEqual(await node.call('clock/now'), { word: 'one' });
  const moon = shown(node, 'moon');
  assert.deepEqual(moon?.granted.secrets, ['moon-key']);
  assert.deepEqual(
    moon?.missing.map(({ entry }) => entry),
    ['other'],
  );
  assert.equal(await node.stop(), 0);
});

test('the calls that dev prints work as they are printed, also where an operation asks for input', async (t) => {
  const here = await place(t);
  await here.write(
    'lamp.ts',
    `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    const operation = (name, input) => defineOperation({ name, type: 'query', access: 'authenticated',
      input, output: Type.Any(), handler: (given) => given });
    export default definePlugin({ name: 'lamp', version: '1.0.0', operations: [
      operation('lamp/members', Type.Object({ room: Type.String({ minLength: 2 }), watts: Type.Number({ minimum: -5 }),
        when: Type.Optional(Type.String()), tint: Type.Object({ name: Type.Literal("ivory's own") }) })),
      operation('lamp/list', Type.Array(Type.String(), { minItems: 2 })),
      operation('lamp/odd', Type.Object({ 'a.b': Type.Literal('c d'), none: Type.String() })),
      operation('lamp/code', Type.Object({ code: Type.String({ pattern: '^[0-9]{4}-[a-f]$' }) })),
    ] });`,
  );
  const node = await dev(here, ['lamp.ts']);
  const printed = node.ready['examples'] as string[];
  assert.deepEqual(
    printed.map((line) => line.replace(/^alknet --data \S+ /, '')),
    [
      `call lamp/members room=aa watts:=0 tint:='{"name":"ivory'\\''s own"}'`,
      `call lamp/list '["",""]'`,
      `call lamp/odd '{"a.b":"c d","none":""}'`,
      'schema lamp/code --input',
      'ops',
    ],
  );
  const sh = await shellIn(here);
  const ran = await Promise.all(printed.map((line) => sh(`${line} --json`)));
  for (const [index, { code, stderr }] of ran.entries())
    assert.equal(code, 0, `${printed[index]}: ${stderr}`);
  assert.deepEqual(JSON.parse(ran[0]?.stdout ?? ''), {
    room: 'aa',
    watts: 0,
    tint: { name: "ivory's own" },
  });
  assert.deepEqual(JSON.parse(ran[2]?.stdout ?? ''), { 'a.b': 'c d', none: '' });
  assert.equal(await node.stop(), 0);
});

test('dev says what is wrong with its arguments, and makes nothing', async (t) => {
  const here = await place(t);
  await files(here, { 'empty/readme': '', 'tmp/.keep': '' });
  for (const [args, message] of [
    [[], /there is no plugin here/],
    [['nowhere'], /nowhere: expected a plugin's directory or file, found nothing/],
    [['empty'], /expected a package\.json with the field "alknet"/],
    [['--isolation', 'none', 'empty'], /--isolation: expected inline or worker, found "none"/],
    [['--port', 'x', 'empty'], /--port: expected a number/],
    [['--node', 'local'], /takes no --node/],
  ] as const) {
    const { code, stderr } = await here.run(['dev', ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  await files(here, { 'broken/package.json': '{ "version": "1.0.0", "alknet": { "name": 7 } }' });
  const { code, stderr } = await here.run(['dev', 'broken']);
  assert.equal(code, 1);
  assert.match(stderr, /broken\/package\.json: alknet\/name: expected a plugin name/);
  assert.deepEqual(await left(here), ['.keep']);
});

test(
  'dev lets what is in progress end on the old code, and calls the new beside it',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    const source = (word: string) => `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    const words = defineOperation({ name: 'clock/words', type: 'subscription', access: 'public', input: Type.Object({}), output: Type.Any(),
      async *handler(_input, { signal }) { while (!signal.aborted) { yield '${word}'; await new Promise((resolve) => setTimeout(resolve, 5)); } } });
    export default definePlugin({ name: 'clock', version: '1.0.0', operations: [words], alpns: ['clock/say'],
      start: () => ({ async connection(connection) {
        for await (const stream of connection) {
          stream.on('error', () => {});
          stream.on('data', (chunk) => stream.write(chunk + ' ${word}'));
        }
      } }) });`;
    await here.write('clock.ts', source('old'));
    const node = await dev(here, ['--isolation', isolation, 'clock.ts']);
    const session = await node.session();
    t.after(() => session.close());
    const running = session.subscribe('clock/words', {})[Symbol.asyncIterator]();
    assert.equal((await running.next()).value, 'old');
    const before = await says(t, node);
    assert.equal(await before('one'), 'one old');
    await here.write('clock.ts', source('new'));
    await node.next('reloaded', 'clock');
    for await (const word of session.subscribe('clock/words', {})) {
      assert.equal(word, 'new');
      break;
    }
    assert.equal((await running.next()).value, 'old');
    assert.equal(await before('two'), 'two old');
    const after = await says(t, node);
    assert.equal(await after('three'), 'three new');
    await running.return?.();
    assert.equal(await node.stop(), 0);
  }),
);

test('dev removes what a killed one left behind, and keeps what it is told to keep', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock');
  const killed = await dev(here, [...inlineDev, 'clock']);
  await killed.stop('SIGKILL');
  assert.equal((await leftByDev(here)).length, 1);
  const kept = await dev(here, [...inlineDev, '--keep', 'clock']);
  const beside = await dev(here, [...inlineDev, 'clock']);
  assert.equal((await leftByDev(here)).length, 2);
  assert.deepEqual(await kept.call('clock/now'), { word: 'one' });
  assert.equal(await kept.stop(), 0);
  assert.equal(await beside.stop(), 0);
  assert.deepEqual(await leftByDev(here), [dirname(kept.ready.dataDir).split('/').at(-1)]);
  assert.equal(typeof (await kept.next('stopped'))['kept'], 'string');
});

test('dev writes plain lines to a pipe: a status that fits on a screen, then what happens', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock', { scopes: ['fs:read'] });
  const child = spawn(process.execPath, [command, 'dev', ...inlineDev, 'clock'], {
    cwd: here.folder,
    env: { PATH: process.env['PATH'], HOME: here.folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  here.daemons.add(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await closed;
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await eventually('the status', () => /^config /m.test(text), 15_000);
  const status = text;
  assert.ok(status.split('\n').length < 24, status);
  assert.match(status, /^clock +1\.0\.0 +running +inline +acme-clock in clock( sha256-\S+)?$/m);
  assert.match(status, /^ {2}serves +clock\/now \(query\)$/m);
  assert.match(status, /^ {2}granted +scopes fs:read$/m);
  assert.match(status, /alknet --data \S+ call clock\/now$/m);
  await writeFile(join(here.folder, 'clock/src/now.ts'), `${now(`'two'`)}const a = ;\n`);
  await eventually('the error', () => text.includes('> 11 | const a = ;'));
  assert.match(
    text,
    /clock not taken: the last good version goes on\n\nclock\/src\/now\.ts:11:11: Unexpected ";"\n/,
  );
  await writeFile(join(here.folder, 'clock/src/now.ts'), now(`'two'`));
  await eventually('the reload', () => /clock 1\.0\.0 reloaded in \d+ ms \(clock\/src\/now\.ts\)/.test(text));
  child.kill('SIGINT');
  assert.deepEqual(await closed, [0, null]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
});

test('after fifty reloads of a plugin in its thread the status of the node advises a restart', async (t) => {
  const here = await place(t);
  await here.write(
    'clock.ts',
    `import { definePlugin } from '@alknet/sdk'; export default definePlugin({ name: 'clock', version: '1.0.0' });`,
  );
  const node = await dev(here, [...inlineDev, 'clock.ts']);
  const session = await node.session();
  t.after(() => session.close());
  const problems = async () =>
    ((await session.call('host/status', {})) as { problems: { where: string; message: string }[] }).problems;
  for (let i = 0; i < 49; i++) await session.call('host/plugins/reload', { name: 'clock' });
  assert.deepEqual(await problems(), []);
  await session.call('host/plugins/reload', { name: 'clock' });
  const [problem] = await problems();
  assert.equal(problem?.where, 'plugins.clock');
  assert.match(problem?.message ?? '', /^was reloaded 50 times .*: restart the node$/);
  assert.equal(await node.stop(), 0);
});

test('dev --open shows the page of the node in a browser, or says why not', async (t) => {
  const here = await place(t);
  await files(here, {
    'plain.ts': `import { definePlugin } from '@alknet/sdk';
      export default definePlugin({ name: 'plain', version: '1.0.0' });`,
  });
  const bin = join(here.folder, 'bin');
  await mkdir(bin);
  const opened = join(here.folder, 'opened');
  for (const name of ['xdg-open', 'open'])
    await writeFile(
      join(bin, name),
      `#!/bin/sh\nprintf %s "$1" >'${opened}.part' && mv '${opened}.part' '${opened}'\n`,
      {
        mode: 0o755,
      },
    );
  const node = await dev(
    here,
    [...inlineDev, '--open', 'plain.ts'],
    here.folder,
    `${bin}:${process.env['PATH']}`,
  );
  await eventually('the browser', () => existsSync(opened));
  const url = await readFile(opened, 'utf8');
  assert.equal(url, node.ready['web']);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/$/);
  // The page is there, for a browser that trusts the node.
  const page = await new Promise<number | undefined>((resolve, reject) => {
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  assert.equal(page, 200);
  await node.stop();

  // Without any program to open it.
  const without = await dev(
    here,
    [...inlineDev, '--open', 'plain.ts'],
    here.folder,
    join(here.folder, 'nothing'),
  );
  assert.match(String((await without.next('note'))['text'] ?? ''), /not opened: .*open is missing/);
  await without.stop();
});
