import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Requests } from '@alknet/sdk';
import { grantedOf, lineToAdd, missingGrants, unusedGrants } from '../../src/plugins/grants.ts';
import { bench, inline, source } from './support.ts';

const third = (requests: Requests, grant?: Requests, configSecrets: string[] = []) =>
  grantedOf({ requests, grant, builtIn: false, configSecrets });

test('CFG-32 a third-party plugin without grant has nothing, and no secret but those that its config names', () => {
  const requests: Requests = {
    scopes: ['*'],
    resources: { '*': ['*'] },
    operations: ['*'],
    secrets: ['a', 'b'],
    dispatch: ['*'],
    gateway: true,
    namespaces: ['*'],
  };
  assert.deepEqual(third(requests, undefined, ['own']), {
    scopes: [],
    resources: {},
    operations: [],
    secrets: ['own'],
    dispatch: [],
    gateway: false,
    namespaces: [],
  });
});

test('CFG-33 a plugin has exactly the intersection of requests and grant', () => {
  const requests: Requests = {
    scopes: ['fs:read', 'fs:write'],
    resources: { bucket: ['read', 'write'], '*': ['list'] },
    operations: ['fs/*', '@*:docker/list'],
    secrets: ['a', 'b'],
    dispatch: ['alknet/*'],
    gateway: true,
    namespaces: ['*'],
  };
  const grant: Requests = {
    scopes: ['fs:read', 'host:admin'],
    resources: { bucket: ['read', 'manage'], repo: ['list', 'write'] },
    operations: ['fs/get', 'git/*', '@worker1:docker/*'],
    secrets: ['b', 'c'],
    dispatch: ['alknet/sftp', 'h2'],
    gateway: true,
    namespaces: ['docker'],
  };
  assert.deepEqual(third(requests, grant), {
    scopes: ['fs:read'],
    resources: { bucket: ['read'], repo: ['list'] },
    operations: ['fs/get', '@worker1:docker/list'],
    secrets: ['b'],
    dispatch: ['alknet/sftp'],
    gateway: true,
    namespaces: ['docker'],
  });
  assert.deepEqual(third({ scopes: ['*'] }, { scopes: ['x'] }).scopes, ['x']);
  assert.deepEqual(
    grantedOf({
      requests: { scopes: ['*'], gateway: true },
      grant: undefined,
      builtIn: true,
      configSecrets: [],
    }).scopes,
    [],
  );
  assert.equal(
    grantedOf({ requests: { gateway: true }, grant: {}, builtIn: true, configSecrets: [] }).gateway,
    false,
  );
});

test('CFG-33 missing and unused grants are reported, with the line to add', async (t) => {
  const requests: Requests = { operations: ['fs/*'], secrets: ['k'], gateway: true };
  const granted = third(requests, { operations: ['fs/get'], secrets: ['k', 'unused'] });
  const missing = missingGrants(requests, granted);
  assert.deepEqual(
    missing.map((entry) => lineToAdd('w', entry)),
    ['plugins.w.grant: { "operations": ["fs/*"] }', 'plugins.w.grant: { "gateway": true }'],
  );
  assert.deepEqual(unusedGrants(requests, { secrets: ['k', 'unused'], scopes: ['s'] }), [
    { member: 'scopes', entry: 's' },
    { member: 'secrets', entry: 'unused' },
  ]);

  const node = await bench(t);
  await node.write('w.ts', source('w', { members: `requests: { operations: ['fs/get'] },` }));
  await node.apply({ w: inline('./w.ts', { grant: { scopes: ['s'] } }) });
  const said = node.lines
    .filter(({ event }) => /grant/.test(event))
    .map(({ level, fields }) => [level, fields]);
  assert.deepEqual(said, [
    ['notice', { plugin: 'w', add: 'plugins.w.grant: { "operations": ["fs/get"] }' }],
    ['warn', { plugin: 'w', grant: 'scopes', entry: 's' }],
  ]);
  assert.deepEqual(node.supervisor.rows()[0]?.missing, [{ member: 'operations', entry: 'fs/get' }]);
});

test('CFG-34 a changed grant applies without restarting the plugin; changed secrets reload it', async (t) => {
  const node = await bench(t);
  node.secrets.set('k', 'value');
  await node.write('w.ts', source('w', { members: `requests: { operations: ['fs/*'], secrets: ['k'] },` }));
  await node.apply({ w: inline('./w.ts', { grant: { operations: ['fs/get'] } }) });
  const instance = node.supervisor.instance('w');
  await node.apply({ w: inline('./w.ts', { grant: { operations: ['fs/put'] } }) });
  assert.equal(node.supervisor.instance('w'), instance);
  assert.deepEqual(instance?.granted.operations, ['fs/put']);
  assert.deepEqual(node.privilegeChanges, ['w']);
  await node.apply({ w: inline('./w.ts', { grant: { operations: ['fs/put'], secrets: ['k'] } }) });
  assert.notEqual(node.supervisor.instance('w'), instance);
});

test('CFG-35 new code that requests more gets nothing that the grant does not say', async (t) => {
  const node = await bench(t);
  for (const name of ['k', 'more']) node.secrets.set(name, `value of ${name}`);
  const code = (requests: object) => source('w', { members: `requests: ${JSON.stringify(requests)},` });
  await node.write('w.ts', code({ operations: ['fs/get'], secrets: ['k'] }));
  const grant = { operations: ['fs/get'], secrets: ['k'] };
  await node.apply({ w: inline('./w.ts', { grant }) });
  const before = node.supervisor.instance('w')?.granted;
  await node.write(
    'w.ts',
    code({
      operations: ['*', '@*:*'],
      secrets: ['k', 'more'],
      scopes: ['*'],
      resources: { '*': ['*'] },
      dispatch: ['*'],
      gateway: true,
      namespaces: ['*'],
    }),
  );
  await node.supervisor.reload('w');
  const { granted, capabilities } = node.supervisor.instance('w') ?? assert.fail();
  assert.deepEqual(granted, before);
  assert.deepEqual(capabilities.names(), ['k']);
  const [row] = node.supervisor.rows();
  assert.deepEqual(
    row?.missing.map(({ member, entry }) => `${member}=${entry}`),
    ['operations=*', 'operations=@*:*', 'secrets=more', 'dispatch=*', 'namespaces=*', 'gateway=true'],
  );
});

test('VLT-60 a plugin sees exactly the secrets it requested and was granted, and those that its config names', async (t) => {
  const node = await bench(t);
  for (const name of ['a', 'b', 'c', 'd']) node.secrets.set(name, `value of ${name}`);
  await node.write(
    'w.ts',
    source('w', {
      members: `requests: { secrets: ['a', 'b'] }, config: Type.Object({ deep: Type.Array(Type.Object({ key: Secret() })) }),`,
      start: `globalThis.${node.key}.push(host.capabilities.names().sort(), host.capabilities.get('a'), host.capabilities.get('c'), host.config);
        return {};`,
    }),
  );
  const config = { deep: [{ key: { secret: 'd' } }] };
  await node.apply({ w: inline('./w.ts', { config, grant: { secrets: ['a', 'c'] } }) });
  assert.deepEqual(node.seen, [['a', 'd'], 'value of a', undefined, config]);
});

test('CFG-12 a Secret() member of a plugin refuses literal text without repeating it', async (t) => {
  const node = await bench(t);
  await node.write('w.ts', source('w', { members: 'config: Type.Object({ key: Secret() }),' }));
  await node.apply({ w: inline('./w.ts', { config: { key: 'hunter2hunter2' } }) });
  const [row] = node.supervisor.rows();
  assert.equal(row?.state, 'failed');
  assert.match(row?.error?.message ?? '', /plugins\.w\.config\.key must be object/);
  assert.doesNotMatch(JSON.stringify([row?.error?.message, node.lines]), /hunter2/);
});

test('VLT-61 a grant of a missing secret keeps that plugin from starting and names both; others run', async (t) => {
  const node = await bench(t);
  await node.write('w.ts', source('w', { members: `requests: { secrets: ['gone'] },` }));
  await node.write('o.ts', source('o'));
  await node.apply({ w: inline('./w.ts', { grant: { secrets: ['gone'] } }), o: inline('./o.ts') });
  const rows = Object.fromEntries(node.supervisor.rows().map((row) => [row.name, row]));
  assert.equal(rows['w']?.state, 'failed');
  assert.match(rows['w']?.error?.message ?? '', /plugin w: the secret gone/);
  assert.equal(rows['o']?.state, 'running');
});
