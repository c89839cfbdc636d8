import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { RemoteAddress } from '@alknet/sdk';
import type { HandshakeFailure, ListenerPolicy } from '../../../src/endpoint/engine.ts';
import { Gate, type Verdict } from '../../../src/endpoint/quic/gate.ts';
import { type connectionIdKey, isLongHeader, parseLongHeader } from '../../../src/endpoint/quic/packet.ts';
import { flights, forgedInitial, longAlpns, server } from './simulated-clients.ts';
import { Simulation } from './simulated-network.ts';
import { serverCertificate } from './support.ts';

const second = 1000;
const hour = 3600 * second;
const life = 10 * second;
const client: RemoteAddress = { address: '198.51.100.7', port: 5000 };

interface Live {
  readonly remote: RemoteAddress;
}

/** A gate under a policy that counts, and that lets in `room` at a time. */
function gateWith(room = Number.POSITIVE_INFINITY) {
  const counts = { admissions: 0, held: 0 };
  const failures: HandshakeFailure[] = [];
  const policy: ListenerPolicy = {
    handshakeTimeout: life,
    admit: () => {
      if (counts.held >= room) return undefined;
      counts.admissions++;
      counts.held++;
      let held = true;
      return {
        established() {},
        release: (cause) => {
          assert(held || cause === undefined, 'a slot failed after it was given back');
          if (held) counts.held--;
          if (held && cause !== undefined) failures.push(cause);
          held = false;
        },
      };
    },
    parameters: () => ({ certificate: serverCertificate, alpns: ['test/echo'], clientCertificate: 'demand' }),
    accepted: () => assert.fail('the gate hands nothing over'),
  };
  return { gate: new Gate<Live>({ policy, local: server, now: 0 }), counts, failures };
}

function answerOf(verdict: Verdict<Live> | undefined): Uint8Array {
  assert(verdict?.do === 'answer');
  return verdict.datagram;
}

/** The Initials that answer the Retry for `first`, from the same client. */
function withToken(gate: Gate<Live>, now: number, alpns?: readonly string[]): readonly Buffer[] {
  const { first, second } = flights(client, alpns);
  assert(first[0]);
  const datagrams = second(answerOf(gate.datagram(first[0], client, now)));
  assert(datagrams.length > 0);
  return datagrams;
}

const copy = (datagram: Buffer | undefined) => Buffer.from(datagram ?? []);

test('a client is let in by its second flight, and its datagrams are delivered from then on', () => {
  const { gate, counts } = gateWith();
  const [datagram] = withToken(gate, 0);
  assert.equal(counts.admissions, 0);
  const verdict = gate.datagram(copy(datagram), client, 50);
  assert(verdict.do === 'accept');
  const { admitted } = verdict;
  assert.deepEqual(admitted.hello, { serverName: null, alpns: ['test/echo'] });
  assert.equal(admitted.datagrams.length, 1);
  const live = { remote: client };
  gate.opened(admitted, live);
  assert.deepEqual(gate.datagram(copy(datagram), client, 60), { do: 'deliver', to: live });
  const short = Buffer.concat([Buffer.from([0x40]), Buffer.from(admitted.key, 'latin1'), randomBytes(30)]);
  assert.deepEqual(gate.datagram(short, client, 70), { do: 'deliver', to: live });
  assert.deepEqual(gate.datagram(short, { ...client, port: 5001 }, 70), { do: 'drop' });
  gate.established(admitted.key);
  assert.equal(gate.nextExpiry, Number.POSITIVE_INFINITY);
  gate.gone(admitted.key);
  assert.deepEqual(gate.size, { connections: 0, pending: 0 });
  assert.deepEqual(gate.dropped, { 'other address': 1 });
});

test('END-35 a token is good for its address and port and its life, and across a change of keys', () => {
  const { gate, counts } = gateWith();
  const [early] = withToken(gate, hour - 2 * second);
  const [late] = withToken(gate, hour + second);
  const elsewhere = { ...client, port: client.port + 1 };
  assert.equal(gate.datagram(copy(early), elsewhere, hour + second).do, 'drop');
  assert.equal(gate.datagram(copy(early), { ...client, address: '198.51.100.8' }, hour + second).do, 'drop');
  assert.equal(gate.datagram(copy(late), client, hour + second + life + 1).do, 'drop');
  assert.equal(counts.admissions, 0);
  assert.equal(gate.dropped.token, 3);
  assert.equal(gate.datagram(copy(early), client, hour + 2 * second).do, 'accept');
  assert.equal(counts.admissions, 1);
});

test('a ClientHello in two datagrams waits for its second, from the same address only', () => {
  const { gate, counts } = gateWith();
  const [one, two] = withToken(gate, 0, longAlpns);
  assert(one && two);
  assert.equal(gate.datagram(copy(two), client, 10).do, 'wait');
  assert.deepEqual(gate.size, { connections: 0, pending: 1 });
  assert.equal(gate.datagram(copy(one), { ...client, port: 1 }, 10).do, 'drop');
  const verdict = gate.datagram(copy(one), client, 20);
  assert(verdict.do === 'accept');
  assert.equal(verdict.admitted.datagrams.length, 2);
  assert.deepEqual(verdict.admitted.hello.alpns, longAlpns);
  assert.equal(counts.held, 1);
});

test('a handshake is given up when its time is over, with and without a connection', () => {
  const { gate, counts, failures } = gateWith();
  const [half] = withToken(gate, 0, longAlpns);
  assert.equal(gate.datagram(copy(half), client, 100).do, 'wait');
  const verdict = gate.datagram(copy(withToken(gate, 0)[0]), client, 300);
  assert(verdict.do === 'accept');
  const live = { remote: client };
  gate.opened(verdict.admitted, live);
  assert.equal(gate.nextExpiry, 100 + life);
  assert.deepEqual(gate.expire(100 + life - 1), []);
  assert.equal(counts.held, 2);
  assert.deepEqual(gate.expire(100 + life), []);
  assert.equal(counts.held, 1);
  assert.equal(gate.nextExpiry, 300 + life);
  assert.deepEqual(gate.expire(300 + life), [live]);
  gate.gone(verdict.admitted.key);
  assert.deepEqual(failures, ['timeout', 'timeout']);
  assert.deepEqual(gate.size, { connections: 0, pending: 0 });
});

test('a client without a common ALPN is told 0x178 and leaves nothing', () => {
  const { gate, failures } = gateWith();
  const answer = answerOf(gate.datagram(copy(withToken(gate, 0, ['other'])[0]), client, 10));
  assert.equal(parseLongHeader(answer)?.type, 'initial');
  assert.deepEqual(failures, ['alpn']);
  assert.equal(gate.handshakes, 0);
});

test('after a drain handshakes are over and newcomers are refused, at most 100 in any second', () => {
  const { gate, failures } = gateWith();
  const [half] = withToken(gate, 0, longAlpns);
  gate.datagram(copy(half), client, 0);
  assert.deepEqual(gate.drain(), []);
  assert.deepEqual(failures, ['draining']);
  const answered: number[] = [];
  for (let now = 0; now < 5 * second; now += 2)
    if (gate.datagram(forgedInitial(), client, now).do === 'answer') answered.push(now);
  assert.equal(answered.length, 500);
  for (const [index, at] of answered.entries())
    assert((answered[index + 100] ?? Number.POSITIVE_INFINITY) - at >= second);
  assert.equal(gate.dropped.refused, 2500);
});

test('another version is negotiated, with connection ids of every length, and never in answer to itself', () => {
  const { gate } = gateWith();
  for (const length of [0, 8, 20, 21, 255]) {
    const datagram = Buffer.alloc(1200, 1);
    datagram[0] = 0xc0;
    datagram.writeUInt32BE(0xff00_001d, 1);
    datagram[5] = length;
    datagram[6 + length] = length;
    const header = parseLongHeader(answerOf(gate.datagram(datagram, client, 0)));
    assert.equal(header?.version, 0);
    assert.equal(header.destination.length, length);
    datagram.writeUInt32BE(0, 1);
    assert.equal(gate.datagram(datagram, client, 0).do, 'drop');
  }
});

test('three hours of clients, spoofed floods and replays: bounded throughout, and nothing is left', (t) => {
  const seed = Number(process.env.ALKNET_TEST_SEED ?? Date.now() % 0x7fffffff);
  t.diagnostic(`seed ${seed} (ALKNET_TEST_SEED)`);
  const simulation = new Simulation(seed);
  const { random } = simulation;
  const room = 200;
  const { gate, counts, failures } = gateWith(room);
  const path = { loss: 0.05, duplication: 0.05, delay: [5, 300] } as const;
  const recorded: { readonly datagram: Buffer; readonly remote: RemoteAddress; readonly at: number }[] = [];
  const refusedAt: number[] = [];
  const spoofed = new Set<string>();
  const tally = { datagrams: 0, lateReplays: 0, most: 0 };
  const waiting = new Map<string, (answer: Uint8Array) => void>();
  const admitted = new Set<string>();

  const expire = () => {
    const at = gate.nextExpiry;
    if (at === Number.POSITIVE_INFINITY) return;
    // A little later, since a sum of floating-point numbers may fall short.
    simulation.after(Math.max(0, at - simulation.now) + 0.001, () => {
      for (const live of gate.expire(simulation.now)) end(live);
      if (gate.nextExpiry !== at) expire();
    });
  };
  const keys = new Map<Live, ReturnType<typeof connectionIdKey>>();
  const end = (live: Live) => {
    const key = keys.get(live);
    keys.delete(live);
    assert(key);
    gate.gone(key);
  };

  const arrive = (datagram: Buffer, remote: RemoteAddress) => {
    tally.datagrams++;
    const { refused } = gate.dropped;
    const verdict = gate.datagram(Buffer.from(datagram), remote, simulation.now);
    if (verdict.do === 'answer') {
      assert(verdict.datagram.length <= datagram.length, 'an answer is larger than its cause');
      assert(isLongHeader(datagram) && datagram.length >= 1200);
      if (gate.dropped.refused !== refused) refusedAt.push(simulation.now);
      const answer = Buffer.from(verdict.datagram);
      simulation.carry(path, () => waiting.get(`${remote.address} ${remote.port}`)?.(answer));
    }
    if (verdict.do === 'accept') {
      const { key, slot } = verdict.admitted;
      const live = { remote };
      admitted.add(`${remote.address} ${remote.port}`);
      assert(!spoofed.has(remote.address), 'a spoofed address was admitted');
      keys.set(live, key);
      gate.opened(verdict.admitted, live);
      // One in ten never ends its handshake; the others talk for a minute.
      if (random() < 0.9)
        simulation.after(random() * 500, () => {
          if (!keys.has(live)) return;
          gate.established(key);
          simulation.after(random() * 60 * second, () => {
            end(live);
            slot.release();
          });
        });
    }
    expire();
    const { connections, pending } = gate.size;
    tally.most = Math.max(tally.most, connections + pending);
    assert(connections + pending <= counts.held && counts.held <= room, 'more state than admissions');
  };
  const send = (datagram: Buffer, remote: RemoteAddress) =>
    simulation.carry(path, () => arrive(datagram, remote));

  /** Sends each flight again after 1, 2 and 4 seconds, as RFC 9002 6.2 backs off. */
  const repeatedly = (datagrams: readonly Buffer[], remote: RemoteAddress, wanted: () => boolean) => {
    for (const wait of [0, 1, 3, 7])
      simulation.after(wait * second, () => {
        if (wanted()) for (const datagram of datagrams) send(datagram, remote);
      });
  };

  let honest = 0;
  const connect = (alpns?: readonly string[]) => {
    const remote = { address: `198.51.100.${honest % 250}`, port: 1024 + Math.floor(honest++ / 250) };
    const name = `${remote.address} ${remote.port}`;
    const { first, second } = flights(remote, alpns);
    let retried = false;
    waiting.set(name, (answer) => {
      if (retried || parseLongHeader(answer)?.type !== 'retry') return;
      retried = true;
      const datagrams = second(answer);
      for (const datagram of datagrams) recorded.push({ datagram, remote, at: simulation.now });
      repeatedly(datagrams, remote, () => !admitted.has(name));
    });
    repeatedly(first, remote, () => !retried);
  };

  const spoof = () => {
    const remote = {
      address: `203.0.113.${Math.floor(random() * 256)}`,
      port: Math.floor(random() * 65_536),
    };
    spoofed.add(remote.address);
    const stolen = recorded[Math.floor(random() * recorded.length)]?.datagram;
    const kind = Math.floor(random() * 5);
    if (kind === 0 && stolen) arrive(stolen, remote);
    else if (kind === 1) arrive(forgedInitial(randomBytes(Math.floor(random() * 100))), remote);
    else if (kind === 2) arrive(randomBytes(Math.floor(random() * 1300)), remote);
    else if (kind === 3 && stolen) arrive(stolen.subarray(0, Math.floor(random() * stolen.length)), remote);
    else arrive(forgedInitial(), remote);
  };

  const replay = () => {
    const old = recorded[Math.floor(random() * recorded.length)];
    if (old === undefined) return;
    const before = counts.admissions;
    arrive(old.datagram, old.remote);
    if (simulation.now - old.at <= life + second) return;
    tally.lateReplays++;
    assert.equal(counts.admissions, before, 'a token outlived its time');
  };

  const duration = 3 * hour;
  const calm = 1500;
  for (let i = 0; i < calm; i++) {
    const alpns = i % 7 === 0 ? longAlpns : undefined;
    simulation.after(random() * duration, () => connect(alpns));
  }
  for (let i = 0; i < 20_000; i++) simulation.after(random() * duration, spoof);
  for (let i = 0; i < 3000; i++) simulation.after(random() * duration, replay);
  // Twice, more come within a second than there is room for.
  for (const at of [hour, 2 * hour + 500])
    for (let i = 0; i < 600; i++) simulation.after(at + random() * second, () => connect());
  simulation.run();

  for (const [index, at] of refusedAt.entries())
    assert((refusedAt[index + 100] ?? Number.POSITIVE_INFINITY) - at >= second, '101 refusals in a second');
  t.diagnostic(
    `${tally.datagrams} datagrams, ${counts.admissions} admissions, ${admitted.size} clients of ${honest}, at most ${tally.most} held, ${refusedAt.length} refused, ${tally.lateReplays} late replays`,
  );
  assert(admitted.size > calm * 0.97 + room);
  assert(refusedAt.length > 100 && tally.lateReplays > 1000 && failures.length > 100);
  assert.equal(counts.held, 0);
  assert.equal(gate.handshakes, 0);
  assert.deepEqual(gate.size, { connections: 0, pending: 0 });
  assert.equal(gate.nextExpiry, Number.POSITIVE_INFINITY);
  assert.equal(gate.dropped.error, undefined);
});
