import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationOf, peerOf, proxyCommand } from '../../src/cli/ssh-arguments.ts';

for (const [line, destination] of [
  ['alice@node uptime', 'alice@node'],
  ['-v -p 22 node', 'node'],
  ['-4vp 22 node', 'node'],
  ['-p22 node -l x', 'node'],
  ['-o ProxyCommand=x -i key -L1:a:2 node', 'node'],
  ['-o SendEnv=GIT_PROTOCOL bob@node git-upload-pack', 'bob@node'],
  ['-tt -- -weird cmd', '-weird'],
  ['-G node', 'node'],
  ['-V', undefined],
  ['-Q cipher', undefined],
] as const) {
  test(`the destination of \`ssh ${line}\` is ${destination}`, () => {
    assert.equal(destinationOf(line.split(' ')), destination);
  });
}

test('the user is what stands before the last @', () => {
  assert.equal(peerOf('a@b@node'), 'node');
  assert.equal(peerOf('node'), 'node');
});

test('a ProxyCommand survives shell and percent signs', () => {
  assert.equal(proxyCommand(['/a b', 'x%h', "it's", '$(id)']), `'/a b' x%%h 'it'\\''s' '$(id)'`);
});
