/** `--timeout` of commands that call. `docs/spec/cli.md` 1. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellIn } from './cli-support.ts';
import { eventually, made, up } from './support.ts';

/** Handlers that say what becomes of them. */
const sleeper = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { access: 'public', input: Type.Any(), output: Type.Any() };
const told = (name, { signal, log }) =>
  signal.addEventListener('abort', () => log.warn(name + ' aborted'));
export default definePlugin({
  name: 'sleeper', version: '1.0.0', requests: { operations: ['sleeper/*'] },
  operations: [
    defineOperation({ ...any, name: 'sleeper/sleep', type: 'query', timeoutMs: 60_000,
      handler: (_input, context) => { told('sleep', context); return new Promise(() => {}); } }),
    defineOperation({ ...any, name: 'sleeper/compose', type: 'query', timeoutMs: 60_000,
      handler: (_input, context) => { told('parent', context); return context.env.invoke('sleeper/sleep'); } }),
    defineOperation({ ...any, name: 'sleeper/ticks', type: 'subscription',
      async *handler(_input, context) {
        told('ticks', context);
        for (let n = 1; !context.signal.aborted; n++) { yield n; await new Promise((resolve) => setTimeout(resolve, 5)); }
      } }),
  ],
});
`;

test('a --timeout ends the call at the node, with all that it started, and the command with exit 9', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await here.write('sleeper.ts', sleeper);
  const grant = { operations: ['sleeper/*'] };
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      plugins: { call: true, sleeper: { use: './sleeper.ts', isolation: 'inline', grant } },
    }),
  );
  const node = await up(here);
  const aborted = (name: string) =>
    eventually(`${name} is aborted`, () => node.output().includes(`${name} aborted`));

  const call = await sh('alknet call sleeper/sleep --timeout 3 --json');
  assert.equal(call.code, 9, call.stderr);
  assert.match(call.stderr, /"TIMEOUT"/);
  await aborted('sleep');
  const composed = await sh('alknet call sleeper/compose --timeout 3 --json');
  assert.equal(composed.code, 9, composed.stderr);
  await aborted('parent');
  const ticks = await sh('alknet subscribe sleeper/ticks --timeout 3 --json');
  assert.equal(ticks.code, 9, ticks.stderr);
  assert.match(ticks.stdout, /^1\n2\n/);
  await aborted('ticks');
  // Also where the time is over before there is anything to abort.
  const never = await sh('alknet call sleeper/sleep --timeout 0.001 --json');
  assert.equal(never.code, 9, never.stderr);
});

test('--timeout holds a command that waits for something else than a node, too', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  // Its input never ends.
  const { code, stderr } = await sh(
    'mkfifo open; exec 3<>open; alknet call services/list - --timeout 0.5 --json <open',
  );
  assert.equal(code, 9, stderr);
  assert.match(stderr, /not done within 0\.5 s/);
});
