import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lab } from './support.ts';

test('SSH-01 a stock OpenSSH client with a peer’s Ed25519 key logs in over the bare listener', async (t) => {
  const { key, peers, ssh, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const { code, stdout, stderr } = await ssh(alice, [
    '127.0.0.1',
    'echo $ALKNET_PEER; echo error >&2; exit 7',
  ]);
  assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: 'alice\n', stderr: 'error\n' });
  assert.equal(lines('ssh auth result=accept ').length, 1);
});
