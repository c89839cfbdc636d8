import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloseCode } from '@alknet/sdk';
import { inPreferenceOrder } from '../../src/endpoint/alpn.ts';
import { duplexes } from './duplexes.ts';
import { ask, both, client, echo, testNode } from './support.ts';

test('END-01 each ALPN reaches its own plugin over QUIC, TLS and dispatch; one that nobody owns is refused', async (t) => {
  const door = echo('door', 'door/in', { grant: { dispatch: ['*'] } });
  const node = await testNode(t, { owners: [echo('one', 'alknet/one'), echo('two', 'two/x'), door] });
  for (const transport of both) {
    const from = await client(t);
    for (const [alpn, plugin] of [
      ['alknet/one', 'one'],
      ['two/x', 'two'],
    ] as const) {
      assert.equal(await ask(await node.dial({ from, alpn, transport }), 'hello'), `${plugin}:hello`);
    }
    await assert.rejects(node.dial({ from, alpn: 'alknet/nobody', transport }), { code: 'NoAlpn' });
    assert.equal(await ask(await node.dial({ from, alpn: 'two/x', transport }), 'again'), 'two:again');
  }
  for (const [alpn, plugin] of [
    ['alknet/one', 'one'],
    ['two/x', 'two'],
  ] as const) {
    const [near, far] = duplexes();
    void node.endpoint.dispatch(door, alpn, far, {});
    near.end('hello');
    let answer = '';
    for await (const chunk of near) answer += chunk;
    assert.equal(answer, `${plugin}:hello`);
  }
  const [, unused] = duplexes();
  await assert.rejects(node.endpoint.dispatch(door, 'alknet/nobody', unused, {}), { code: 'NO_HANDLER' });
  assert.equal(unused.destroyed, false, 'a refused stream is left as it was');
});

test('END-02 a plugin that throws ends its connection only, with HANDLER_ERROR', async (t) => {
  const fragile = echo('fragile', 'fragile/x', {
    async connection(connection) {
      for await (const stream of connection) {
        if (connection.serverName === 'break.example') throw new Error('as asked');
        stream.pipe(stream);
      }
    },
  });
  const node = await testNode(t, { owners: [fragile] });
  const { fingerprint } = node.identities;
  const from = await client(t);
  const dial = (serverName: string | null) =>
    from.endpoint.dial(
      {
        name: 'node',
        addresses: [{ host: '127.0.0.1', port: node.port() }],
        pins: [fingerprint],
        serverName,
      },
      { alpn: 'fragile/x', transport: 'quic' },
    );
  const [good, bad] = [await dial(null), await dial('break.example')];
  const stream = await bad.openStream();
  stream.on('error', () => {});
  stream.write('x');
  assert.deepEqual(await bad.closed, { code: CloseCode.HANDLER_ERROR, reason: 'internal error', by: 'peer' });
  assert.equal(await ask(good, 'still'), 'still');
  const [failure] = node.lines.filter(({ level }) => level === 'error');
  assert.equal(failure?.fields['plugin'], 'fragile');
  assert.match(String(failure?.fields['err']), /as asked/);
});

test('END-02 a plugin that throws synchronously is no different', async (t) => {
  const rude = echo('rude', 'rude/x', {
    connection() {
      throw new Error('at once');
    },
  });
  const node = await testNode(t, { owners: [rude] });
  const connection = await node.dial({ alpn: 'rude/x', transport: 'quic' });
  assert.equal((await connection.closed).code, CloseCode.HANDLER_ERROR);
});

test('a plugin that is done lets its written data leave over TLS, then the connection is closed with 0', async (t) => {
  const said = 'x'.repeat(300_000);
  const brief = echo('brief', 'brief/x', {
    async connection(connection) {
      for await (const stream of connection) {
        stream.end(said);
        return;
      }
    },
  });
  const node = await testNode(t, { owners: [brief] });
  const connection = await node.dial({ alpn: 'brief/x', transport: 'tls' });
  assert.equal((await ask(connection, '')).length, said.length);
  assert.equal((await connection.closed).code, 0);
});

test('END-08 an acme-tls/1 connection is closed with code 0, reaches no plugin and warns nobody', async (t) => {
  const web = echo('http', 'http/1.1');
  const node = await testNode(t, { owners: [web], settings: { acme: true } });
  const connection = await node.dial({ alpn: 'acme-tls/1', transport: 'tls' });
  connection[Symbol.asyncIterator]()
    .next()
    .then(({ value }) => value?.resume().end());
  assert.equal((await connection.closed).code, 0);
  assert.equal(web.connections.length, 0);
  assert.deepEqual(
    node.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
  await assert.rejects(node.dial({ alpn: 'acme-tls/1', transport: 'quic' }), { code: 'NoAlpn' });
});

test('END-10 a second plugin claiming an ALPN is refused with both named, and the first goes on', async (t) => {
  const node = await testNode(t, { owners: [echo('first', 'alknet/x')] });
  assert.throws(
    () => node.endpoint.enable(echo('second', 'alknet/x')),
    /plugin second claims ALPN alknet\/x.*plugin first owns/,
  );
  assert.equal(await ask(await node.dial({ alpn: 'alknet/x', transport: 'tls' }), 'hello'), 'first:hello');
});

test('END-24 a third-party plugin may not claim alknet/x, an IANA name, the name of the host or another prefix', async (t) => {
  const node = await testNode(t);
  for (const alpn of [
    'alknet/x',
    'h2',
    'acme-tls/1',
    'other/x',
    'acme',
    'acme/',
    'ac me/x',
    `acme/${'x'.repeat(60)}`,
  ]) {
    const claim = { ...echo('acme', alpn), builtIn: false };
    assert.throws(() => node.endpoint.enable(claim), { name: 'AlpnClaimError' }, alpn);
    assert.equal(node.endpoint.owner(alpn), undefined);
  }
  node.endpoint.enable({ ...echo('acme', 'acme/deep/er'), builtIn: false });
});

test('END-15 enabling makes an ALPN negotiable at once, and connections of other plugins stay', async (t) => {
  const node = await testNode(t, { owners: [echo('one', 'alknet/one')] });
  for (const transport of both) {
    const from = await client(t);
    const standing = await node.dial({ from, alpn: 'alknet/one', transport: 'quic' });
    const late = echo('late', 'late/x', { limits: { reloadGrace: 0 } });
    await assert.rejects(node.dial({ from, alpn: 'late/x', transport }), { code: 'NoAlpn' });
    node.endpoint.enable(late);
    // In the same turn: the first dial finds it.
    assert.equal(await ask(await node.dial({ from, alpn: 'late/x', transport }), 'hello'), 'late:hello');
    assert.equal(await ask(standing, 'still'), 'one:still');
    await node.endpoint.disable(late);
  }
});

test('END-16 disabling makes the next handshake fail and closes connections after the grace with RELOAD', async (t) => {
  const leaving = echo('leaving', 'leaving/x', { limits: { reloadGrace: 300 } });
  const node = await testNode(t, { owners: [leaving, echo('staying', 'staying/x')] });
  const from = await client(t);
  const open = await node.dial({ from, alpn: 'leaving/x', transport: 'quic' });
  const stays = await node.dial({ from, alpn: 'staying/x', transport: 'quic' });
  assert.equal(await ask(open, 'before'), 'leaving:before');
  const started = performance.now();
  const gone = node.endpoint.disable(leaving);
  for (const transport of both) {
    await assert.rejects(node.dial({ from, alpn: 'leaving/x', transport }), { code: 'NoAlpn' });
  }
  assert.equal(await ask(open, 'within the grace'), 'leaving:within the grace');
  assert.deepEqual(await open.closed, { code: CloseCode.RELOAD, reason: 'plugin disabled', by: 'peer' });
  assert.ok(performance.now() - started >= 290);
  await gone;
  assert.ok(leaving.connections[0]?.signal.aborted);
  assert.equal(await ask(stays, 'hello'), 'staying:hello');
});

test('END-49 reload leaves connections of others untouched, and its own old ones until the grace ends', async (t) => {
  const old = echo('plugin', 'alknet/p', { limits: { reloadGrace: 300 } });
  const node = await testNode(t, { owners: [old, echo('other', 'alknet/other')] });
  const from = await client(t);
  const before = await node.dial({ from, alpn: 'alknet/p', transport: 'quic' });
  const other = await node.dial({ from, alpn: 'alknet/other', transport: 'tls' });
  assert.equal(await ask(before, '1'), 'plugin:1');
  const replaced = node.endpoint.replace(old, { ...echo('plugin2', 'alknet/p'), name: 'plugin' });
  const after = await node.dial({ from, alpn: 'alknet/p', transport: 'quic' });
  assert.equal(await ask(after, '2'), 'plugin2:2');
  assert.equal(await ask(before, '3'), 'plugin:3');
  assert.deepEqual(await before.closed, { code: CloseCode.RELOAD, reason: 'plugin reloaded', by: 'peer' });
  await replaced;
  assert.equal(await ask(after, '4'), 'plugin2:4');
  assert.equal(await ask(other, '5'), 'other:5');
});

test('a reload whose new instance claims too much changes nothing', async (t) => {
  const old = echo('plugin', 'alknet/p');
  const node = await testNode(t, { owners: [old, echo('other', 'alknet/other')] });
  assert.throws(() => node.endpoint.replace(old, echo('plugin', 'alknet/other')), /plugin other owns/);
  assert.equal(await ask(await node.dial({ alpn: 'alknet/p', transport: 'tls' }), '1'), 'plugin:1');
});

test('END-17 without overlap no plugin code runs, on TLS and on QUIC', async (t) => {
  const owner = echo('one', 'alknet/one');
  const node = await testNode(t, { owners: [owner] });
  for (const transport of both) {
    await assert.rejects(node.dial({ alpn: 'unknown/x', transport }), {
      code: 'NoAlpn',
      message: /unknown\/x/,
    });
  }
  assert.equal(owner.connections.length, 0);
});

test('END-18 dot is not negotiable on QUIC, doq and h3 not on TLS, and plugins.<name>.listeners narrows further', async (t) => {
  const everywhere = echo('dns', 'alknet/dns', {
    alpns: ['alknet/dns', 'dot', 'doq', 'h3', 'h2'],
    builtIn: true,
  });
  const narrowed = echo('narrow', 'narrow/x', { listeners: ['tls'] });
  const node = await testNode(t, { owners: [everywhere, narrowed] });
  const from = await client(t);
  const lists = Object.fromEntries(
    node.endpoint.status().listeners.map(({ transport, alpns }) => [transport, alpns]),
  );
  assert.deepEqual(lists['quic'], ['h3', 'h2', 'alknet/dns', 'doq']);
  assert.deepEqual(lists['tls'], ['h2', 'alknet/dns', 'dot', 'narrow/x']);
  for (const [alpn, transport] of [
    ['dot', 'quic'],
    ['doq', 'tls'],
    ['h3', 'tls'],
    ['narrow/x', 'quic'],
  ] as const) {
    await assert.rejects(
      node.dial({ from, alpn, transport }),
      { code: 'NoAlpn' },
      `${alpn} over ${transport}`,
    );
  }
  for (const [alpn, transport] of [
    ['dot', 'tls'],
    ['doq', 'quic'],
    ['narrow/x', 'tls'],
  ] as const) {
    assert.equal((await node.dial({ from, alpn, transport })).alpn, alpn);
  }
});

test('END-18 a listener keeps only the ALPNs of its own filter', async (t) => {
  const node = await testNode(t, {
    owners: [echo('one', 'alknet/one'), echo('two', 'alknet/two')],
    listen: [{ transport: 'tls', host: '127.0.0.1', port: 0, alpns: ['alknet/two'] }],
  });
  await assert.rejects(node.dial({ alpn: 'alknet/one', transport: 'tls' }), { code: 'NoAlpn' });
  assert.equal((await node.dial({ alpn: 'alknet/two', transport: 'tls' })).alpn, 'alknet/two');
});

test('END-18 the order of a list is the preference of the server', () => {
  assert.deepEqual(inPreferenceOrder(['z/z', 'dot', 'http/1.1', 'alknet/call', 'h3', 'h2']), [
    'h3',
    'h2',
    'http/1.1',
    'alknet/call',
    'dot',
    'z/z',
  ]);
});

test('a plugin that requires an identity gets no anonymous connection', async (t) => {
  const strict = echo('strict', 'strict/x', { requireIdentity: true });
  const node = await testNode(t, { owners: [strict] });
  const refused = await node.dial({ alpn: 'strict/x', transport: 'quic' });
  assert.deepEqual(await refused.closed, {
    code: CloseCode.AUTH_REQUIRED,
    reason: 'authentication required',
    by: 'peer',
  });
  assert.equal(strict.connections.length, 0);
  assert.ok(
    node.lines.some(
      ({ event, fields }) => event === 'identity reject' && fields['reason'] === 'auth_required',
    ),
  );
});
