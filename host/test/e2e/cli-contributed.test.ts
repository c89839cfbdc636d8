import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, made, type Place, place, up } from './support.ts';

const lamp = `
import { CallError, defineOperation, definePlugin, Type } from '@alknet/sdk';
let level = 3;
export default definePlugin({
  name: 'lamp',
  version: '1.0.0',
  alpns: ['lamp/light'],
  operations: [
    defineOperation({
      name: 'lamp/level', type: 'query', access: 'authenticated',
      input: Type.Object({}), output: Type.Object({ level: Type.Integer() }),
      handler: () => ({ level }),
    }),
    defineOperation({
      name: 'lamp/dim', type: 'mutation', access: { scopes: ['lamp:dim'] },
      input: Type.Object({}), output: Type.Null(), handler: () => { level--; return null; },
    }),
    defineOperation({
      name: 'lamp/flicker', type: 'subscription', access: 'authenticated',
      input: Type.Object({}), output: Type.Integer(),
      async *handler() { yield 1; yield 2; },
    }),
  ],
  contributes: {
    cli: [
      {
        name: 'level',
        summary: 'How bright the lamp is',
        options: [{ name: 'unit', value: 'UNIT', help: 'what to count in' }],
        examples: ['alknet lamp level'],
        run: async ({ call, result, value, note }) => {
          const { level } = await call('lamp/level');
          note('asked the lamp');
          result({ level }, \`level \${level} \${value('unit') ?? 'steps'}\`);
        },
      },
      { name: 'dim', summary: 'Less', examples: ['alknet lamp dim'], run: async ({ call }) => void (await call('lamp/dim')) },
      {
        name: 'flicker', summary: 'On and off', usage: 'TIMES', arguments: [1, 1], examples: ['alknet lamp flicker 2'],
        run: async ({ subscribe, item }) => { for await (const n of subscribe('lamp/flicker')) item({ n }, \`\${n}\`); return 7; },
      },
      {
        name: 'light', summary: 'The light itself', examples: ['alknet lamp light'],
        run: async ({ dial, result }) => {
          const stream = await (await dial('local', 'lamp/light')).openStream();
          stream.end('photons');
          let text = '';
          for await (const chunk of stream) text += chunk;
          result({ text }, text);
        },
      },
      {
        name: 'shell', summary: 'A shell', wraps: true, arguments: [1, 9], examples: ['alknet lamp shell true'],
        run: ({ arguments: [file, ...args], runProgram }) => runProgram(file, args, 'install ' + file),
      },
      { name: 'burn', summary: 'Fails', examples: ['alknet lamp burn'], run: () => { throw new Error('burnt out'); } },
    ],
  },
  start: () => ({ async connection(connection) { for await (const stream of connection) stream.pipe(stream); } }),
});
`;

async function withPlugin(here: Place, entry: string): Promise<void> {
  const config = await here.read('alknet.config.json');
  await here.write('alknet.config.json', config.replace('"call": true', `"call": true,\n    ${entry}`));
}

test('CLI-44 a command that a plugin contributes runs with help, options, output and exit codes like any other', async (t) => {
  const here = await made(t);
  await here.write('lamp.ts', lamp);
  await withPlugin(here, '"lamp": { "use": "./lamp.ts", "isolation": "inline" }');
  const node = await up(here);
  await eventually('the plugin serves', async () => (await here.run(['call', 'lamp/level'])).code === 0);

  const plain = await here.run(['lamp', 'level', '--unit', 'lumen']);
  assert.deepEqual(plain, { code: 0, stdout: 'level 3 lumen\n', stderr: 'asked the lamp\n' });
  assert.deepEqual(await here.run(['--json', 'lamp', 'level']), {
    code: 0,
    stdout: '{"level":3}\n',
    stderr: '',
  });
  // Data on standard output, a code of its own.
  assert.deepEqual(await here.run(['lamp', 'flicker', '2']), { code: 7, stdout: '1\n2\n', stderr: '' });
  assert.equal((await here.run(['lamp', 'flicker', '2', '--json'])).stdout, '{"n":1}\n{"n":2}\n');
  assert.equal(await here.ok(['lamp', 'light']), 'photons\n');

  const forbidden = await here.run(['lamp', 'dim']);
  assert.equal(forbidden.code, 6);
  assert.match(forbidden.stderr, /^error: missing required scope: lamp:dim/);
  const burnt = await here.run(['lamp', 'burn']);
  assert.deepEqual([burnt.code, burnt.stderr], [1, 'error: lamp burn: burnt out\n']);

  const help = await here.ok(['lamp', 'level', '--help']);
  assert.match(help, /^alknet lamp level: How bright the lamp is\n\nUsage: alknet lamp level \[options\]/);
  assert.match(help, /--unit UNIT +what to count in/);
  for (const words of [
    ['lamp', '--help'],
    ['help', 'lamp'],
  ])
    assert.match(await here.ok(words), /lamp flicker +On and off/, words.join(' '));
  for (const [words, text] of [
    [['lamp', 'levle'], /did you mean alknet lamp level\?/],
    [['lamp', 'level', '--untt', 'x'], /unknown option --untt/],
    [['lamp', 'flicker'], /alknet lamp flicker takes TIMES/],
  ] as const) {
    const { code, stderr } = await here.run(words);
    assert.equal(code, 2, words.join(' '));
    assert.match(stderr, text);
  }
  await node.stop();
  assert.equal((await here.run(['lamp', 'level'])).code, 4);
});

test('CLI-44 it is there while the plugin is disabled, and code that does not load disturbs no other command', async (t) => {
  const here = await made(t);
  await here.write('lamp.ts', lamp);
  await withPlugin(here, '"lamp": { "use": "./lamp.ts", "enabled": false }');
  assert.match(await here.ok(['lamp', 'level', '--help']), /How bright/);
  // A command of the host keeps its name, and nobody else's code is run for it.
  await here.write('lamp.ts', 'throw new Error("loaded");');
  assert.match(await here.ok(['help']), /^alknet: /);
  assert.equal((await here.run(['version'])).code, 0);
  const broken = await here.run(['lamp', 'level']);
  assert.equal(broken.code, 1);
  assert.match(
    broken.stderr,
    /the commands of lamp cannot be loaded: .*lamp\.ts:1:7: its module threw: loaded/,
  );
  const mistyped = await here.run(['lampe', 'level']);
  assert.equal(mistyped.code, 2);

  for (const [command, fault] of [
    [`{ name: 'Level', summary: 'x', examples: ['x'], run() {} }`, /name "Level": expected one word/],
    [`{ name: 'level', examples: ['x'], run() {} }`, /level: summary: expected one line/],
    [`{ name: 'level', summary: 'x', examples: [], run() {} }`, /level: examples: expected at least one/],
    [`{ name: 'level', summary: 'x', examples: ['x'] }`, /level: run: expected a function/],
    [
      `{ name: 'level', summary: 'x', examples: ['x'], run() {}, options: [{ name: 'json', help: 'x' }] }`,
      /level: --json is an option of every command/,
    ],
  ] as const) {
    await here.write(
      'lamp.ts',
      `export default { name: 'lamp', version: '1.0.0', contributes: { cli: [${command}] } };`,
    );
    const { code, stderr } = await here.run(['lamp', 'level']);
    assert.equal(code, 1, command);
    assert.match(stderr, fault);
  }
});

test('CLI-44 a command may hand the terminal to a program, with its input, output, signals and exit code', async (t) => {
  const here = await place(t);
  await here.write('lamp.ts', lamp);
  await here.write('alknet.config.json', '{ "plugins": { "lamp": { "use": "./lamp.ts" } } }');
  const shell = (script: string, input = '') => here.run(['lamp', 'shell', 'sh', '-c', script], input);
  assert.deepEqual(await shell('cat; echo complaint >&2; exit 9', 'said\n'), {
    code: 9,
    stdout: 'said\n',
    stderr: 'complaint\n',
  });
  assert.equal((await shell('kill -KILL $$')).code, 128 + 9);
  // An interrupt is what the terminal tells the program itself; to end is handed on to it.
  const told = await shell(
    'trap "echo told; exit 5" TERM; kill -INT $PPID; kill -TERM $PPID; while :; do sleep 0.1; done',
  );
  assert.deepEqual(told, { code: 5, stdout: 'told\n', stderr: '' });
  const missing = await here.run(['lamp', 'shell', 'no-such-program', '-x']);
  assert.deepEqual(
    [missing.code, missing.stderr],
    [1, 'error: no-such-program cannot be run: install no-such-program\n'],
  );
});
