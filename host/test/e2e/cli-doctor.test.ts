import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Sh, shellIn } from './cli-support.ts';
import { made, type Place, up } from './support.ts';

interface Report {
  readonly healthy: boolean;
  readonly checks: readonly { name: string; state: string; message: string; remedy?: string }[];
  readonly certificates: readonly {
    kind: string;
    names: string[];
    state: string;
    daysLeft?: number;
    error?: string;
  }[];
}

async function report(sh: Sh, prefix = '', options = ''): Promise<{ code: number | null; report: Report }> {
  const { code, stdout } = await sh(`${prefix} alknet doctor --json ${options}`);
  return { code, report: JSON.parse(stdout) as Report };
}

const row = ({ checks }: Report, name: string) => checks.find((check) => check.name === name);

test('CLI-37 doctor of a fresh node finds nothing that fails, and repairs permissions and stale files alone', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const fresh = await report(sh);
  assert.equal(fresh.code, 0);
  assert.equal(fresh.report.healthy, true);
  assert.ok(fresh.report.checks.every(({ state, remedy }) => state === 'ok' || remedy !== undefined));

  await chmod(join(here.data, 'peers.json'), 0o644);
  await writeFile(join(here.data, 'control.sock'), '');
  const broken = await report(sh);
  assert.equal(broken.code, 1);
  assert.match(row(broken.report, 'permissions')?.message ?? '', /peers\.json has mode 644/);
  assert.equal(row(broken.report, 'stale files')?.state, 'warn');
  const fixed = await report(sh, '', '--fix');
  assert.equal(fixed.code, 0);
  assert.equal((await stat(join(here.data, 'peers.json'))).mode & 0o777, 0o600);
  await assert.rejects(stat(join(here.data, 'control.sock')));
});

/** Each breaks one thing of a fresh node; what it returns goes before the command. */
const breakages: Record<string, (here: Place) => Promise<string> | string> = {
  configuration: async (here) => {
    await here.write('alknet.config.json', '{ "dataDir": "./data", "limits": { "drain": "soon" } }');
    return '';
  },
  vault: async (here) => {
    await rm(join(here.data, 'vault.json'));
    return '';
  },
  clock: async (here) => {
    const later = new Date(Date.now() + 3600_000);
    await utimes(join(here.data, 'vault.json'), later, later);
    return '';
  },
  'open files': () => 'ulimit -n 200;',
  git: async (here) => {
    await mkdir(join(here.folder, 'old'));
    await writeFile(join(here.folder, 'old', 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 });
    return `PATH="$PWD/old:$PATH"`;
  },
};

for (const [name, breakIt] of Object.entries(breakages)) {
  test(`CLI-37 doctor reports a broken condition with a remedy and exits 1: ${name}`, async (t) => {
    const here = await made(t);
    const { code, report: found } = await report(await shellIn(here), await breakIt(here));
    assert.equal(code, 1);
    assert.equal(found.healthy, false);
    assert.deepEqual(
      found.checks.filter(({ state }) => state === 'fail').map((check) => check.name),
      [name],
    );
    assert.ok((row(found, name)?.remedy ?? '') !== '');
  });
}

test('CLI-37 doctor reports ports that others have, and programs that are missing', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  const tcp = createServer().listen(0, '127.0.0.1');
  t.after(() => {
    udp.close();
    tcp.close();
  });
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  const { port } = tcp.address() as { port: number };
  const listen = { quic: `127.0.0.1:${udp.address().port}`, tls: `127.0.0.1:${port}` };
  await here.write(
    'alknet.config.json',
    JSON.stringify({ dataDir: './data', listen, plugins: { call: true } }),
  );
  const { code, report: found } = await report(sh, `PATH="$PWD/bin:${join(process.execPath, '..')}"`);
  assert.equal(code, 1);
  const { message = '', remedy = '', state } = row(found, 'ports') ?? {};
  assert.equal(state, 'fail');
  assert.ok(message.includes(`listen.quic ${listen.quic}`) && message.includes(`listen.tls ${listen.tls}`));
  assert.notEqual(remedy, '');
  assert.equal(row(found, 'git-remote-alknet')?.state, 'warn');
});

test('CLI-37 doctor tells which web certificate is in use, for whom and how long, and what is wrong with its files', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const none = await report(sh);
  assert.deepEqual(none.report.certificates, []);
  assert.match(row(none.report, 'web certificate')?.message ?? '', /self-signed/);

  const config = {
    dataDir: './data',
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    plugins: { http: true },
  };
  const tls = { cert: join(here.folder, 'web.pem'), key: join(here.folder, 'web.key') };
  const make = (days: number) =>
    sh(
      `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days ${days} -subj /CN=web -addext subjectAltName=DNS:web.test -keyout web.key -out web.pem`,
    );
  assert.equal((await make(90)).code, 0);
  await here.write('alknet.config.json', JSON.stringify({ ...config, tls }));
  const good = await report(sh);
  assert.equal(row(good.report, 'web certificate')?.state, 'ok');
  const [found] = good.report.certificates;
  assert.deepEqual([found?.kind, found?.names, found?.state], ['file', ['DNS:web.test'], 'in use']);
  assert.ok([89, 90].includes(found?.daysLeft ?? 0));

  // A node that runs is asked what it shows.
  const node = await up(here);
  assert.equal(row((await report(sh)).report, 'web certificate')?.state, 'ok');
  assert.equal((await make(5)).code, 0);
  const changed = row((await report(sh)).report, 'web certificate');
  assert.deepEqual(
    [changed?.state, /shows another one|5 days|4 days/.test(changed?.message ?? '')],
    ['warn', true],
  );
  await here.write('web.key', 'no key');
  const broken = await report(sh);
  assert.equal(broken.code, 1);
  assert.match(row(broken.report, 'web certificate')?.message ?? '', /tls\.key.*goes on with what it had/);
  assert.match(broken.report.certificates[0]?.error ?? '', /tls\.key/);
  await node.stop();

  const acme = { domains: ['acme.test'], contact: ['mailto:ops@acme.test'] };
  await here.write('alknet.config.json', JSON.stringify({ ...config, tls: { acme } }));
  const ordering = await report(sh);
  assert.equal(row(ordering.report, 'web certificate')?.state, 'warn');
  assert.deepEqual(
    ordering.report.certificates.map(({ kind, names, state }) => [kind, names, state]),
    [['acme', ['DNS:acme.test'], 'ordering']],
  );
});
