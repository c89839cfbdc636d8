/** Mutated bytes and messages, before the key exchange, before the login and after it. See `docs/architecture.md`. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Client } from 'ssh2';
import { type Fuzz, fuzz, settledMemory } from '../../../host/test/fuzz.ts';
import { type Key, lab, libraryLogin, until } from './support.ts';

const here = '127.0.0.1';
const roomy = {
  maxUnauthenticated: 1000,
  maxConnectionsPerAddress: 1000,
  loginGrace: '2s',
  maxAuthAttempts: 50,
};

const list = (text: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};

function packet(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + 8;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head[4] = padding;
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

const kexInit = packet(
  Buffer.concat([
    Buffer.from([20]),
    Buffer.alloc(16),
    ...['curve25519-sha256', 'ssh-ed25519', 'aes256-ctr', 'aes256-ctr'].map(list),
    ...['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com', 'none', 'none', '', ''].map(list),
    Buffer.alloc(5),
  ]),
);
const kexReply = packet(Buffer.concat([Buffer.from([30]), list('x'.repeat(32))]));

function opening({ one, mutate, bytes, pick }: Fuzz): Buffer[] {
  const ident = one([
    'SSH-2.0-x\r\n',
    'SSH-1.99-x\n',
    'SSH-1.0-x\r\n',
    'GET / HTTP/1.1\r\n',
    'x'.repeat(9000),
    'SSH-2.0-\r\n',
  ]);
  const parts = [Buffer.from(ident), mutate(kexInit, kexReply), mutate(kexReply, kexInit), bytes(pick(300))];
  return pick(3) === 0 ? parts.map((part) => mutate(part, kexInit)) : parts;
}

test('mutated byte streams before the key exchange harm nobody else and leave nothing behind', async (t) => {
  const random = fuzz(t);
  const { port, key, peers, lines } = await lab(t, roomy);
  const alice = key('alice');
  peers.set('alice', [], { fingerprints: [alice.normal] });
  let before: Awaited<ReturnType<typeof settledMemory>> | undefined;
  for (let rounds = 0; random.goesOn || rounds < 40; rounds++) {
    const sockets = Array.from({ length: 8 }, () => {
      const socket = connect(port, here).on('error', () => {});
      socket.resume();
      for (const part of opening(random)) socket.write(part);
      if (random.pick(2) === 0) socket.end();
      return new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        setTimeout(() => socket.destroy(), random.pick(30));
      });
    });
    await Promise.all(sockets);
    if (rounds === 20) before = await settledMemory();
  }
  assert.equal(await libraryLogin(port, alice, 'alice'), undefined);
  await until('the end of all', () => lines('ssh open').length === lines('ssh close').length);
  const { held } = await settledMemory();
  // The log of the test keeps its lines.
  const grown = held - (before?.held ?? held) - lines('ssh').length * 1000;
  assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes`);
});

/** Payloads with the key exchange done: any message, well formed or not. */
function message(random: Fuzz): Buffer {
  const { one, pick, bytes, mutate } = random;
  const number = (value: number) => {
    const made = Buffer.alloc(4);
    made.writeUInt32BE(value);
    return made;
  };
  const any = () => one([0, 1, 2, 63, 64, 0x7fffffff, 0xffffffff, pick(70)]);
  const user = () =>
    Buffer.concat([list(one(['alice', '', 'x'.repeat(300)])), list(one(['ssh-connection', 'x']))]);
  const made = one([
    () => Buffer.concat([Buffer.from([5]), list(one(['ssh-userauth', 'ssh-connection', 'x']))]),
    () => Buffer.concat([Buffer.from([50]), user(), list(one(['none', 'password', 'gssapi-with-mic', '']))]),
    () =>
      Buffer.concat([
        ...[Buffer.from([50]), user(), list('publickey'), Buffer.from([pick(2)])],
        ...[
          list(one(['ssh-ed25519', 'rsa-sha2-512', 'ssh-ed25519-cert-v01@openssh.com'])),
          list('blob'),
          list('sig'),
        ],
      ]),
    () =>
      Buffer.concat([
        Buffer.from([80]),
        list(one(['tcpip-forward', 'x'])),
        Buffer.from([1]),
        list('a'),
        number(any()),
      ]),
    () =>
      Buffer.concat([
        ...[
          Buffer.from([90]),
          list(one(['session', 'direct-tcpip', 'x11', 'direct-streamlocal@openssh.com', 'x'])),
        ],
        ...[number(any()), number(any()), number(any()), list('/x'), number(any()), list('y'), number(any())],
      ]),
    () =>
      Buffer.concat([
        Buffer.from([91 + pick(10)]),
        number(any()),
        number(any()),
        number(any()),
        number(any()),
      ]),
    () =>
      Buffer.concat([
        ...[
          Buffer.from([98]),
          number(any()),
          list(one(['exec', 'shell', 'pty-req', 'env', 'signal', 'subsystem'])),
        ],
        ...[Buffer.from([pick(2)]), list(one(['sftp', 'true', 'x'])), number(any()), number(any())],
      ]),
    () => Buffer.concat([Buffer.from([94]), number(any()), list('data')]),
    () => Buffer.concat([Buffer.from([pick(256)]), bytes(pick(100))]),
  ])();
  return pick(2) === 0 ? made : mutate(made, bytes(40));
}

for (const when of ['before', 'after'] as const) {
  test(`any messages ${when} the login harm nobody else`, async (t) => {
    const random = fuzz(t);
    const { port, key, peers, lines } = await lab(t, roomy);
    const alice = key('alice');
    peers.set('alice', ['ssh:exec', 'ssh:shell', 'ssh:sftp'], { fingerprints: [alice.normal] });
    let sessions = 0;
    for (; random.goesOn || sessions < 10; sessions++)
      await session(random, port, when === 'after' ? alice : undefined);
    assert.equal(await libraryLogin(port, alice, 'alice'), undefined);
    await until('the end of all', () => lines('ssh open').length === lines('ssh close').length);
    t.diagnostic(`${sessions} sessions`);
  });
}

async function session(random: Fuzz, port: number, key: Key | undefined): Promise<void> {
  const client = new Client();
  const ended = new Promise<void>((resolve) => client.on('close', () => resolve()));
  client.on('error', () => {});
  const send = () => {
    const protocol = Reflect.get(client, '_protocol');
    for (let i = random.pick(12); i >= 0; i--) {
      const payload = message(random);
      try {
        const bytes = protocol._packetRW.write.alloc(payload.length);
        bytes.set(payload, protocol._packetRW.write.allocStart);
        protocol._cipher.encrypt(protocol._packetRW.write.finalize(bytes));
      } catch {
        // The client itself is over.
      }
    }
    setTimeout(() => client.destroy(), 5 + random.pick(30));
  };
  if (key === undefined) client.on('handshake', () => setImmediate(send));
  else client.on('ready', () => setImmediate(send));
  client.connect({
    ...{ host: here, port, username: 'alice', readyTimeout: 5000 },
    ...(key === undefined ? { password: 'x' } : { privateKey: readFileSync(key.file) }),
  });
  await ended;
}
