/**
 * What a command loads before it does anything: most of the time of a short one, and of every fetch of git and every
 * connection of ssh that goes through `git-remote-alknet` or `alknet pipe`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { made, type Place, place, up } from './support.ts';

const bin = (name: string) => fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url));

/** Writes the address of every module, and the path of every CommonJS one and addon, that the process loads. */
const tracer = `
import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
const note = (text) => appendFileSync(process.env.LOADED, text + '\\n');
register('data:text/javascript,' + encodeURIComponent(
  'import { appendFileSync } from "node:fs";' +
  'export async function load(url, context, next) { appendFileSync(process.env.LOADED, url + "\\\\n"); return next(url, context); }'
));
const require = createRequire(import.meta.url);
process.on('exit', () => { for (const path of Object.keys(require.cache)) note(path); });
`;

interface Started {
  readonly code: number | null;
  readonly stderr: string;
  readonly loaded: readonly string[];
}

async function start(here: Place, program: string, args: readonly string[], input = ''): Promise<Started> {
  const { PATH, TMPDIR } = process.env;
  const list = join(here.folder, `loaded-${program}-${args.join('-').replaceAll(/[^a-z]/g, '')}`);
  const child = spawn(
    process.execPath,
    ['--import', await here.write('tracer.mjs', tracer), bin(program), ...args],
    {
      cwd: here.folder,
      env: { PATH, TMPDIR, HOME: here.folder, LOADED: list },
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  const loaded = (await here.read(list.slice(here.folder.length + 1))).split('\n');
  return { code, stderr, loaded };
}

const node = ['host/dist/node.js', 'host/dist/plugins/', 'host/dist/registry/', 'host/dist/store/'];
const heavy = [
  'esbuild',
  'chokidar',
  'tar',
  'npm-packlist',
  'acme-client',
  'pino',
  'libsql',
  'ajv',
  'ajv-formats',
];
const keys = ['@scure/bip32', '@noble/curves', '@noble/hashes'];
const packages = (names: readonly string[]) => names.map((name) => `node_modules/${name}/`);

function loadsNone({ loaded }: Started, unwanted: readonly string[], what: string): void {
  assert.ok(
    loaded.some((path) => path.endsWith('.js')),
    `${what}: nothing was seen`,
  );
  const found = loaded.filter((path) => unwanted.some((part) => path.includes(part)));
  assert.deepEqual(found, [], what);
}

test('version and help load neither a library nor the node', async (t) => {
  const here = await place(t);
  const cases = [['--version'], ['help'], ['version', '--help'], ['pipe', '--help'], ['call', '--help']];
  for (const args of cases) {
    const what = `alknet ${args.join(' ')}`;
    const started = await start(here, 'alknet', args);
    assert.equal(started.code, 0, what);
    loadsNone(
      started,
      [
        ...packages([...heavy, ...keys, 'typebox', 'jsonc-parser', '@matrixai/quic']),
        'dist/libraries/',
        'host/dist/endpoint/',
        'host/dist/vault/',
        'host/dist/identity/',
        'host/dist/config/schema',
        ...node,
      ],
      what,
    );
  }
});

test('what carries one stream, or asks the node, loads what dials over QUIC, and no more', async (t) => {
  const here = await made(t);
  await up(here);
  const unwanted = [
    ...packages([...heavy, ...keys]),
    'sdk/dist/index.js',
    'sdk/dist/libraries/ajv',
    'listener.js',
    'host/dist/endpoint/tls/dial.js',
    'host/dist/acme/',
    ...node,
  ];
  const piped = await start(here, 'alknet', ['pipe', 'local', 'alknet/call']);
  assert.equal(piped.code, 0, piped.stderr);
  loadsNone(piped, unwanted, 'alknet pipe');
  for (const args of [['status'], ['call', 'services/list']]) {
    const asked = await start(here, 'alknet', args);
    assert.equal(asked.code, 0, asked.stderr);
    loadsNone(asked, unwanted, `alknet ${args.join(' ')}`);
  }
  const request = 'capabilities\nconnect git-upload-pack\n';
  const helper = await start(here, 'git-remote-alknet', ['origin', 'alknet://local/none.git'], request);
  assert.equal(helper.code, 0, helper.stderr);
  loadsNone(helper, [...unwanted, 'parts/listener', 'parts/unlock'], 'git-remote-alknet');
  // The build has made a few files of its hundred.
  const own = helper.loaded.filter((path) => /\/(sdk|host)\/dist\//.test(path));
  assert.deepEqual(
    own.filter((path) => !path.includes('/host/dist/cli/')),
    [],
  );
});
