import assert from 'node:assert/strict';
import { test } from 'node:test';
import { devConfig } from '../../src/cli/dev/dev-config.ts';
import { parseTsc } from '../../src/cli/dev/type-check.ts';
import { codeFrame } from '../../src/plugins/index.ts';

test('a code frame shows two lines around the place, and marks the column', () => {
  const text = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join('\r\n');
  assert.equal(
    codeFrame(text, { line: 9, column: 3 }),
    [
      '   7 | line 7',
      '   8 | line 8',
      '>  9 | line 9',
      '     |   ^',
      '  10 | line 10',
      '  11 | line 11',
    ].join('\n'),
  );
  assert.equal(codeFrame('one', { line: 1, column: 4 }), ['> 1 | one', '    |    ^'].join('\n'));
  assert.equal(codeFrame('\tone', { line: 1, column: 2 }), ['> 1 |  one', '    |  ^'].join('\n'));
  assert.equal(codeFrame('one', { line: 2, column: 1 }), '');
});

test('a code frame cuts a long line around the place', () => {
  const text = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
  const [line = '', mark = ''] = codeFrame(text, { line: 1, column: 5001 }).split('\n');
  assert.ok(line.length < 200);
  assert.equal(line[mark.indexOf('^')], 'X');
});

test('what tsc writes is read: errors with and without a place, their further lines, and the files', () => {
  const output = [
    'src/a.ts(3,7): error TS2322: Type A is not assignable to type B.',
    "  Types of property 'x' are incompatible.",
    "error TS5023: Unknown compiler option 'x'.",
    'src/odd (1).ts(10,2): error TS1005: expected.',
    '/p/node_modules/typescript/lib/lib.es5.d.ts',
    '/p/src/a.ts',
    '',
  ].join('\n');
  assert.deepEqual(parseTsc(output, '/p'), {
    problems: [
      {
        message: "TS2322: Type A is not assignable to type B.\n  Types of property 'x' are incompatible.",
        place: { file: '/p/src/a.ts', line: 3, column: 7 },
      },
      { message: "TS5023: Unknown compiler option 'x'.", place: undefined },
      { message: 'TS1005: expected.', place: { file: '/p/src/odd (1).ts', line: 10, column: 2 } },
    ],
    files: ['/p/node_modules/typescript/lib/lib.es5.d.ts', '/p/src/a.ts'],
  });
});

const parts = {
  builtIns: ['call'],
  targets: [],
  requested: () => undefined,
  secrets: ['held'],
  isolation: undefined,
  dataDir: '/tmp/x/data',
  port: 0,
};

test('a plugin at hand is granted what it requests and the node has, unless the author wrote a grant', () => {
  const requests = { scopes: ['a:b'], secrets: ['held', 'absent'] };
  const target = { name: 'clock', use: '/p', directory: '/p', requests };
  const granted = (entry: object) => {
    const base = { value: { plugins: { clock: entry } }, places: new Map([['clock', '/elsewhere']]) };
    const { plugins } = devConfig({ ...parts, base, targets: [target] });
    return (plugins as Record<string, unknown>)['clock'];
  };
  assert.deepEqual(granted({ config: { a: 1 }, enabled: false }), {
    config: { a: 1 },
    enabled: true,
    use: '/p',
    grant: { scopes: ['a:b'], secrets: ['held'] },
  });
  assert.deepEqual(granted({ grant: {} }), { use: '/p', enabled: true, grant: {} });
});

test('of the configuration of the author a throw-away node takes plugins, limits and log, and no place or peer', () => {
  const value = {
    dataDir: './data',
    listen: { quic: '*:4433' },
    vault: {},
    peers: { a: {} },
    limits: { drain: 3 },
    log: { level: 'debug', file: './log' },
    plugins: { call: { enabled: false }, other: { use: './o.ts', grant: {} } },
  };
  const base = { value, places: new Map([['other', '/p/o.ts']]) };
  assert.deepEqual(JSON.parse(JSON.stringify(devConfig({ ...parts, base }))), {
    dataDir: '/tmp/x/data',
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    limits: { drain: 3 },
    log: { level: 'debug' },
    plugins: { call: { enabled: false }, other: { use: '/p/o.ts', grant: {} } },
  });
});
