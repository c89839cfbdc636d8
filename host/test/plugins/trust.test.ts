import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { appendFile, chmod, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type IdentityKey, identityKey } from '../../src/identity/index.ts';
import { integrityOf, noFiles } from '../../src/plugins/integrity.ts';
import { loadPlugin } from '../../src/plugins/load.ts';
import { lockPath, writeLockEntry } from '../../src/plugins/lock-file.ts';
import { signPackage } from '../../src/plugins/signature.ts';
import { type Bench, bench, inline, operation, source } from './support.ts';

// What is made here must be nobody else's, whatever the mask of whoever runs the tests.
process.umask(0o022);

interface Shape {
  readonly directory?: string;
  readonly version?: string;
  /** Answer of its operation. */
  readonly body?: string;
  /** Import a module of a package in `node_modules`. */
  readonly dependency?: boolean;
}

/** A package `alknet-clock` with the operation `clock/now`. */
async function pack(
  node: Bench,
  { directory = 'clock', version = '1.0.0', body = '', dependency }: Shape = {},
) {
  const manifest = { plugin: './src/plugin.ts', name: 'clock', sdk: '^0.1.0' };
  await node.write(
    `${directory}/package.json`,
    JSON.stringify({ name: 'alknet-clock', version, type: 'module', alknet: manifest }),
  );
  await node.write(`${directory}/README.md`, 'A clock.\n');
  if (dependency) {
    const place = `${directory}/node_modules/ticks`;
    await node.write(
      `${place}/package.json`,
      '{ "name": "ticks", "version": "2.1.0", "type": "module", "main": "index.js" }',
    );
    await node.write(`${place}/index.js`, 'export const tick = 1;\n');
  }
  const before = dependency ? `import { tick } from 'ticks'; globalThis.ticked = tick;` : '';
  await node.write(
    `${directory}/src/plugin.ts`,
    source('clock', { version, members: operation('clock/now'), before: `${before} ${body}` }),
  );
}

const row = (node: Bench) => node.supervisor.rows().find(({ name }) => name === 'clock');

/** What loads it as it is. */
async function facts(node: Bench, directory = './clock') {
  const { integrity, modules, version } = await loadPlugin('clock', directory, {
    ...node.services,
    directory: node.directory,
    trust: { mode: 'any', publishers: {} },
  });
  return { integrity, modules: modules ?? '', version };
}

async function lock(node: Bench, more: object = {}) {
  await writeLockEntry(lockPath(node.directory), 'clock', {
    package: 'alknet-clock',
    ...(await facts(node)),
    lockedAt: '2026-01-01T00:00:00Z',
    ...more,
  });
}

async function apply(node: Bench): Promise<string> {
  await node.apply({});
  await node.apply({ clock: inline('./clock') });
  const found = row(node);
  return found?.state === 'running' ? 'running' : (found?.error?.message ?? '');
}

function aKey(): { readonly key: IdentityKey; readonly text: string } {
  const raw = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const key = identityKey(raw.subarray(-32));
  return { key, text: `ed25519:${Buffer.from(key.publicKey).toString('hex')}` };
}

async function sign(node: Bench, key: IdentityKey, directory = 'clock') {
  const { integrity, version } = await facts(node, `./${directory}`);
  await node.write(`${directory}/alknet.sig.json`, signPackage({ name: 'clock', version, integrity }, key));
}

const sha256 = (text: string | Uint8Array) => createHash('sha256').update(text).digest();

test('CFG-38 integrity is SHA-256 over path, size and digest of each file that npm pack would take, in byte order', async (t) => {
  const node = await bench(t);
  await pack(node, { dependency: true });
  await node.write('clock/.gitignore', 'build\n');
  await node.write('clock/build/out.js', 'not packed');
  await node.write('clock/Z.md', 'before a');
  const { integrity, modules } = await facts(node);
  const hash = createHash('sha256');
  for (const path of ['README.md', 'Z.md', 'package.json', 'src/plugin.ts']) {
    const content = await readFile(join(node.directory, 'clock', path));
    hash.update(path).update('\0').update(String(content.length)).update('\0').update(sha256(content));
  }
  assert.equal(integrity, `sha256-${hash.digest('base64')}`);
  const ticks = ['ticks@2.1.0/index.js', 'ticks@2.1.0/package.json'];
  const over = createHash('sha256');
  for (const path of ticks) {
    const file = path.replace('ticks@2.1.0', 'clock/node_modules/ticks');
    const content = await readFile(join(node.directory, file));
    over.update(`${path}\0${content.length}\0`).update(sha256(content));
  }
  assert.equal(modules, `sha256-${over.digest('base64')}`);
  assert.equal(noFiles, `sha256-${createHash('sha256').digest('base64')}`);
});

test('CFG-38 the integrity of a single file is that of the file under its base name', async (t) => {
  const node = await bench(t);
  const text = source('one');
  const path = await node.write('plugins/one.ts', text);
  await node.apply({ one: inline('./plugins/one.ts') });
  const size = Buffer.byteLength(text);
  const digest = { path: 'one.ts', size, sha256: sha256(await readFile(path)) };
  assert.equal(node.supervisor.instance('one')?.provenance.integrity, integrityOf([digest]));
});

test('CFG-38 the integrity shown is that of the code that runs, after each reload and after one that failed', async (t) => {
  const node = await bench(t);
  const seen = new Set<string>();
  for (const version of ['1.0.0', '1.0.1', '1.0.2']) {
    await pack(node, { version });
    if (seen.size === 0) await node.apply({ clock: inline('./clock') });
    else await node.supervisor.reload('clock');
    const { provenance, loaded } = node.supervisor.instance('clock') ?? assert.fail();
    assert.deepEqual(await facts(node), {
      integrity: provenance.integrity,
      modules: loaded.modules,
      version,
    });
    seen.add(provenance.integrity ?? '');
  }
  assert.equal(seen.size, 3);
  const before = node.supervisor.instance('clock')?.provenance;
  await node.write('clock/src/plugin.ts', 'const a = ;');
  await assert.rejects(node.supervisor.reload('clock'), /Unexpected ";"/);
  assert.equal(node.supervisor.instance('clock')?.provenance, before);
});

test('CFG-38 what is hashed is what runs, also when the file is another one as soon as it was read', async (t) => {
  const node = await bench(t);
  const good = source('clock', { before: `globalThis.${node.key}.push('good');` });
  const path = await node.write('clock.ts', good);
  const integrity = integrityOf([{ path: 'clock.ts', size: Buffer.byteLength(good), sha256: sha256(good) }]);
  const evil = source('clock', { before: `globalThis.${node.key}.push('evil');` });
  // A writer that never rests, while it is loaded again and again.
  let loads = 0;
  let over = false;
  const writer = (async () => {
    for (let turn = 0; !over; turn++) await writeFile(path, turn % 2 === 0 ? evil : good);
  })();
  for (let turn = 0; turn < 40; turn++) {
    node.seen.length = 0;
    const loaded = await facts({ ...node, directory: node.directory }, './clock.ts').catch(() => undefined);
    // An empty file is seen now and then, and is no plugin.
    if (loaded === undefined) continue;
    loads++;
    assert.deepEqual(node.seen, [loaded.integrity === integrity ? 'good' : 'evil']);
  }
  over = true;
  await writer;
  assert.ok(loads > 0);
});

test('CFG-36 under locked a plugin runs as it was locked, and one changed byte refuses it and shows expected and found', async (t) => {
  const node = await bench(t);
  await pack(node, { dependency: true });
  node.trust({ mode: 'locked' });
  assert.match(
    await apply(node),
    /refused under trust\.mode "locked": expected an entry in .*alknet\.lock\.json, found none/,
  );
  await lock(node);
  const { integrity } = await facts(node);
  assert.equal(await apply(node), 'running');

  await appendFile(join(node.directory, 'clock/README.md'), ' ');
  const changed = await facts(node);
  const message = await apply(node);
  assert.ok(
    message.includes(`integrity: alknet.lock.json expects ${integrity}, found ${changed.integrity}`),
    message,
  );
  assert.ok(message.includes('plugin clock is refused under trust.mode "locked"'));
});

test('CFG-36 under locked one changed byte in a bundled dependency refuses the plugin', async (t) => {
  const node = await bench(t);
  await pack(node, { dependency: true });
  node.trust({ mode: 'locked' });
  await lock(node);
  const { modules } = await facts(node);
  assert.equal(await apply(node), 'running');
  await node.write('clock/node_modules/ticks/index.js', 'export const tick = 2;\n');
  const changed = await facts(node);
  assert.match(await apply(node), /modules: alknet\.lock\.json expects sha256-/);
  assert.ok((await apply(node)).includes(`expects ${modules}, found ${changed.modules}`));
});

test('CFG-36 under locked a changed reload leaves the old instance, and a new lock takes the new one', async (t) => {
  const node = await bench(t);
  await pack(node);
  node.trust({ mode: 'locked' });
  await lock(node);
  assert.equal(await apply(node), 'running');
  const first = node.supervisor.instance('clock');
  await pack(node, { version: '1.1.0' });
  await assert.rejects(
    node.supervisor.reload('clock'),
    /version: alknet\.lock\.json expects 1\.0\.0, found 1\.1\.0/,
  );
  assert.equal(node.supervisor.instance('clock'), first);
  assert.deepEqual(node.operationNames(), ['clock/now']);
  await lock(node);
  await node.supervisor.followLock();
  assert.equal(node.supervisor.instance('clock')?.version, '1.1.0');
  assert.equal(row(node)?.error, undefined);
});

test('CFG-36 none of the code of a refused plugin runs', async (t) => {
  const node = await bench(t);
  await pack(node);
  await lock(node);
  await pack(node, { body: `globalThis.${node.key}.push('ran');` });
  node.trust({ mode: 'locked' });
  assert.match(await apply(node), /integrity/);
  node.trust({ mode: 'signed', publishers: { acme: aKey().text } });
  assert.match(await apply(node), /signature/);
  assert.deepEqual(node.seen, []);
});

test('CFG-36 a lock that was tampered with is caught and named', async (t) => {
  const node = await bench(t);
  await pack(node);
  node.trust({ mode: 'locked' });
  const changes: [object, RegExp][] = [
    [{ integrity: noFiles }, /integrity: alknet\.lock\.json expects sha256-47DEQ/],
    [{ modules: `sha256-${'A'.repeat(43)}=` }, /modules: alknet\.lock\.json expects sha256-AAAA/],
    [{ version: '9.9.9' }, /version: alknet\.lock\.json expects 9\.9\.9, found 1\.0\.0/],
    [{ package: 'other' }, /package: alknet\.lock\.json expects other, found alknet-clock/],
    [
      { signer: aKey().text },
      /signer: alknet\.lock\.json expects ed25519:[0-9a-f]{64}, found no valid signature/,
    ],
  ];
  for (const [change, message] of changes) {
    await lock(node, change);
    assert.match(await apply(node), message);
  }
  for (const text of ['{', '[]', '{"format":"alknet-lock","version":2,"plugins":{}}']) {
    await writeFile(lockPath(node.directory), text);
    assert.match(await apply(node), /refused under trust\.mode "locked": .*alknet\.lock\.json: .*expected/);
  }
});

test('CFG-37 under signed a package with the signature of a publisher runs, and its signer is told', async (t) => {
  const node = await bench(t);
  const [acme, other] = [aKey(), aKey()];
  await pack(node);
  await sign(node, acme.key);
  node.trust({ mode: 'signed', publishers: { acme: [other.text, acme.text] } });
  assert.equal(await apply(node), 'running');
  assert.deepEqual(node.supervisor.instance('clock')?.provenance.signer, { name: 'acme', key: acme.text });
});

test('CFG-37 under signed an unsigned package, a wrong key, a changed byte and an unbundled dependency are each refused', async (t) => {
  const node = await bench(t);
  const [acme, other] = [aKey(), aKey()];
  node.trust({ mode: 'signed', publishers: { acme: acme.text } });
  await pack(node);
  assert.match(await apply(node), /expected a signature by a publisher \(acme\), found no alknet\.sig\.json/);
  await sign(node, other.key);
  assert.ok(
    (await apply(node)).includes(`expected a signature by a publisher (acme), found one by ${other.text}`),
  );
  await sign(node, acme.key);
  assert.equal(await apply(node), 'running');
  await appendFile(join(node.directory, 'clock/src/plugin.ts'), '\n');
  assert.match(await apply(node), /alknet\.sig\.json: integrity: signed is sha256-.*, found sha256-/);
  await pack(node, { dependency: true });
  await sign(node, acme.key);
  assert.match(
    await apply(node),
    /expected all code in the signed package, found modules of other packages in its bundle: ticks@2\.1\.0/,
  );
});

test('CFG-37 under signed a file of the package that npm pack would leave out counts as no part of it', async (t) => {
  const node = await bench(t);
  const acme = aKey();
  node.trust({ mode: 'signed', publishers: { acme: acme.text } });
  await pack(node, { body: `import '../hidden/extra.js';` });
  await node.write('clock/.npmignore', 'hidden\n');
  await node.write('clock/hidden/extra.js', 'globalThis.extra = 1;');
  await sign(node, acme.key);
  assert.match(await apply(node), /found modules .*: alknet-clock@1\.0\.0\/hidden\/extra\.js/);
});

test('CFG-37 a signature that was tampered with is caught, and its member is named', async (t) => {
  const node = await bench(t);
  const [acme, other] = [aKey(), aKey()];
  node.trust({ mode: 'signed', publishers: { acme: acme.text, other: other.text } });
  await pack(node);
  await sign(node, acme.key);
  const path = join(node.directory, 'clock/alknet.sig.json');
  const signature = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
  const changes: [object, RegExp][] = [
    [{ name: 'other' }, /alknet\.sig\.json: name: signed is other, found clock/],
    [{ pluginVersion: '2.0.0' }, /version: signed is 2\.0\.0, found 1\.0\.0/],
    [{ integrity: noFiles }, /integrity: signed is sha256-47DEQ/],
    // The key of another publisher, who did not sign this.
    [{ key: other.text }, /signature: it is not one of ed25519:/],
    [{ signature: `${'A'.repeat(86)}==` }, /signature: it is not one of ed25519:/],
    [{ signature: 'short' }, /alknet\.sig\.json: \/signature expected base64 of 64 bytes/],
    [{ format: 'other' }, /alknet\.sig\.json: \/format expected/],
  ];
  for (const [change, message] of changes) {
    await writeFile(path, JSON.stringify({ ...signature, ...change }));
    assert.match(await apply(node), message);
  }
  await writeFile(path, '{');
  assert.match(await apply(node), /alknet\.sig\.json: expected JSON/);
  await writeFile(path, JSON.stringify(signature));
  assert.equal(await apply(node), 'running');
});

test('CFG-37 the signature is Ed25519 over alknet/plugin/1, name, version and integrity, with NUL between', () => {
  const { key, text } = aKey();
  const content = JSON.parse(signPackage({ name: 'clock', version: '1.0.0', integrity: noFiles }, key));
  const { signature, ...rest } = content as Record<string, string>;
  assert.deepEqual(rest, {
    format: 'alknet-plugin-signature',
    version: 1,
    name: 'clock',
    pluginVersion: '1.0.0',
    integrity: noFiles,
    key: text,
  });
  const signed = Buffer.from(`alknet/plugin/1\0clock\0${'1.0.0'}\0${noFiles}`, 'ascii');
  assert.ok(verify(null, signed, createPublicKey(key.privateKey), Buffer.from(signature ?? '', 'base64')));
});

test('CFG-37 a lock entry is checked under signed too, and a signature taken away under locked is noticed', async (t) => {
  const node = await bench(t);
  const acme = aKey();
  await pack(node);
  await sign(node, acme.key);
  await lock(node, { signer: acme.text });
  await pack(node, { body: '// a later build' });
  await sign(node, acme.key);
  node.trust({ mode: 'signed', publishers: { acme: acme.text } });
  assert.match(await apply(node), /integrity: alknet\.lock\.json expects/);
  await lock(node, { signer: acme.text });
  assert.equal(await apply(node), 'running');
  node.trust({ mode: 'locked', publishers: { acme: acme.text } });
  assert.equal(await apply(node), 'running');
  await rm(join(node.directory, 'clock/alknet.sig.json'));
  assert.match(await apply(node), /signer: alknet\.lock\.json expects .*, found no valid signature/);
});

test('CFG-37 a package that is reached through links is the same package', async (t) => {
  const node = await bench(t);
  const acme = aKey();
  await pack(node);
  await sign(node, acme.key);
  await rename(join(node.directory, 'clock'), join(node.directory, 'elsewhere'));
  await symlink('elsewhere', join(node.directory, 'clock'));
  node.trust({ mode: 'signed', publishers: { acme: acme.text } });
  assert.equal(await apply(node), 'running');
  assert.equal(node.supervisor.instance('clock')?.loaded.modules, noFiles);
});

test('CFG-37 a single file has no manifest to lock or sign, and runs under any alone', async (t) => {
  const node = await bench(t);
  await node.write('one.ts', source('one'));
  for (const trust of [{ mode: 'locked' }, { mode: 'signed', publishers: { acme: aKey().text } }]) {
    node.trust(trust);
    await node.apply({});
    await node.apply({ one: inline('./one.ts') });
    assert.match(
      node.supervisor.rows()[0]?.error?.message ?? '',
      /expected a package with a manifest .* found the single file/,
    );
  }
  node.trust({});
  await node.supervisor.reload('one');
});

test('CFG-39 built-in plugins load in every mode, with the integrity of their package', async (t) => {
  const node = await bench(t);
  for (const trust of [{}, { mode: 'locked' }, { mode: 'signed', publishers: { acme: aKey().text } }]) {
    node.trust(trust);
    await node.apply({});
    await node.apply({ call: true });
    const [found] = node.supervisor.rows();
    assert.equal(found?.error, undefined);
    assert.equal(found?.state, 'running');
    assert.match(found?.instance?.provenance.integrity ?? '', /^sha256-[A-Za-z0-9+/]{43}=$/);
  }
});

test('CFG-40 a plugin or lock that others can write is reported under any, and refused under locked and signed', async (t) => {
  const node = await bench(t);
  const acme = aKey();
  await pack(node);
  await sign(node, acme.key);
  await lock(node);
  const strict = [{ mode: 'locked' }, { mode: 'signed', publishers: { acme: acme.text } }];
  const places = ['clock/src/plugin.ts', 'clock/README.md', 'clock/src', 'clock', 'alknet.lock.json', ''];
  for (const place of places) {
    const path = join(node.directory, place);
    const before = path.endsWith('.ts') || /\.(md|json)$/.test(path) ? 0o644 : 0o755;
    await chmod(path, before | 0o002);
    node.trust({});
    assert.equal(await apply(node), 'running');
    const [problem] = node.supervisor.instance('clock')?.loaded.problems ?? [];
    assert.match(problem ?? '', /^others can write .*try: chmod go-w /);
    assert.ok(problem?.includes(path.replace(/\/$/, '')), `${problem} ${path}`);
    assert.ok(node.lines.some(({ level, event }) => level === 'warn' && event === 'plugin files'));
    for (const trust of strict) {
      node.trust(trust);
      assert.match(await apply(node), /refused under trust\.mode "(locked|signed)": others can write/);
    }
    await chmod(path, before);
  }
  for (const trust of strict) {
    node.trust(trust);
    assert.equal(await apply(node), 'running');
  }
});

test('what a plugin of a third party requests is in the log before it runs', async (t) => {
  const node = await bench(t);
  const requests = { operations: ['fs/get'], gateway: true, resources: { bucket: ['read'] } };
  const before = `globalThis.${node.key}.push('ran');`;
  const members = `requests: ${JSON.stringify(requests)},`;
  await node.write('one.ts', source('one', { members, before: '', start: `${before} return {};` }));
  let ranBefore: number | undefined;
  const { push } = node.lines;
  node.lines.push = (...lines) => {
    if (lines[0]?.event === 'plugin is about to run') ranBefore = node.seen.length;
    return push.apply(node.lines, lines);
  };
  await node.apply({ one: inline('./one.ts', { grant: { operations: ['fs/get'] } }) });
  assert.equal(ranBefore, 0);
  assert.deepEqual(node.seen, ['ran']);
  const { fields } = node.lines.find(({ event }) => event === 'plugin is about to run') ?? assert.fail();
  assert.equal(fields['requests'], 'operations=fs/get resources=bucket=read gateway');
  assert.equal(fields['missing'], 2);
});
