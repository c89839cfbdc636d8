import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../src/forward/address.ts';
import { type Approved, approveConnect, type Refusal } from '../../src/forward/approve.ts';
import { approveListen } from '../../src/forward/bind-address.ts';
import { permits } from '../../src/forward/permit.ts';
import { ForwardPolicy, type ForwardPolicyConfig } from '../../src/forward/policy.ts';

const requester = {
  identity: { id: 'laptop', scopes: ['ssh:forward:local', 'team:web'], resources: {} },
  source: parseAddress('192.0.2.7') ?? null,
};

function policy(config: ForwardPolicyConfig, own: readonly string[] = []): ForwardPolicy {
  return new ForwardPolicy(config, () => own);
}

const names: Readonly<Record<string, readonly string[]>> = {
  'example.com': ['203.0.113.5', '2001:db8::5'],
  'inside.example.com': ['10.1.2.3'],
  'both.example.com': ['203.0.113.6', '10.1.2.3'],
  'metadata.example.com': ['169.254.169.254'],
};

async function connect(config: ForwardPolicyConfig, host: string, port = 443): Promise<string[] | Refusal> {
  const approved: readonly Approved[] | Refusal = await approveConnect(host, port, {
    policy: policy(config, ['203.0.113.99']),
    requester,
    resolve: async (name) => names[name] ?? [],
    signal: new AbortController().signal,
  });
  return typeof approved === 'string'
    ? approved
    : approved.map(({ address, port: to }) => `${address?.text} ${to}`);
}

const allow = (target: string | string[], more: object = {}) => ({
  action: 'allow' as const,
  target,
  ...more,
});
const deny = (target: string | string[], more: object = {}) => ({ action: 'deny' as const, target, ...more });

describe('a forwarding policy', () => {
  test('denies what no rule allows', async () => {
    assert.equal(await connect({}, 'example.com'), 'denied');
    assert.equal(await connect({ rules: [allow('example.org:*')] }, 'example.com'), 'denied');
    assert.deepEqual(await connect({ default: 'allow' }, '203.0.113.5'), ['203.0.113.5 443']);
  });

  test('reads a label of digits as text, and other letters as their A-label', async () => {
    const rules = [allow('10.example.com:443'), allow('*.BÜCHER.example:443')];
    const resolve = async () => ['203.0.113.5'];
    for (const host of ['10.example.com', 'a.xn--bcher-kva.example', 'a.bücher.example'])
      assert.notEqual(
        await approveConnect(host, 443, {
          policy: policy({ rules }),
          requester,
          resolve,
          signal: new AbortController().signal,
        }),
        'denied',
        host,
      );
  });

  test('obeys the first rule that matches', async () => {
    const rules = [allow('example.com:443'), deny('*')];
    assert.deepEqual(await connect({ rules }, 'example.com'), ['203.0.113.5 443', '2001:db8::5 443']);
    assert.equal(await connect({ rules: rules.toReversed() }, 'example.com'), 'denied');
    assert.equal(await connect({ rules }, 'example.com', 80), 'denied');
  });

  test('takes a principal for a peer id or a scope, and no principal for everyone', async () => {
    for (const principals of [['laptop'], ['team:web'], [], undefined])
      assert.equal(
        (await connect({ rules: [allow('203.0.113.5:*', principals && { principals })] }, '203.0.113.5'))
          .length,
        1,
        String(principals),
      );
    const others = { principals: ['phone', 'team'] };
    assert.equal(await connect({ rules: [allow('203.0.113.5:*', others)] }, '203.0.113.5'), 'denied');
  });

  test('compares sources with the address of the client', async () => {
    const from = (...sources: string[]) => connect({ rules: [allow('*', { sources })] }, '203.0.113.5');
    assert.equal((await from('198.51.100.0/24', '192.0.2.0/24')).length, 1);
    assert.equal(await from('198.51.100.0/24'), 'denied');
  });

  test('reads ports as lists and ranges with both ends', async () => {
    const rules = [allow('203.0.113.5:22,8000-8002')];
    for (const port of [22, 8000, 8001, 8002])
      assert.deepEqual(await connect({ rules }, '203.0.113.5', port), [`203.0.113.5 ${port}`]);
    for (const port of [21, 23, 7999, 8003])
      assert.equal(await connect({ rules }, '203.0.113.5', port), 'denied');
  });

  test('never folds a port to 16 bits', async () => {
    for (const port of [0, 65_536, 65_536 + 443, 4_294_967_295])
      assert.equal(await connect({ default: 'allow' }, '203.0.113.5', port), 'denied', String(port));
  });

  test('sees through every spelling of a denied address', async () => {
    const config: ForwardPolicyConfig = {
      default: 'allow',
      rules: [deny('10.0.0.0/8:*'), deny('example.com:*')],
    };
    for (const spelling of [
      '10.0.0.1',
      '10.0.0.1.',
      '167772161',
      '0xa.0.0.1',
      '0x0A000001',
      '012.0.0.1',
      '10.1',
      '10.0.1',
      '１０.0.0.1',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      '0:0:0:0:0:FFFF:0a00:0001',
      '64:ff9b::10.0.0.1',
      '64:ff9b::a00:1',
      '2002:a00:1::1',
      '::10.0.0.1',
      'EXAMPLE.com',
      'example.com.',
      'ｅxample.com',
    ])
      assert.equal(await connect(config, spelling), 'denied', spelling);
  });

  test('refuses what is no host', async () => {
    for (const host of [
      '',
      '.',
      'a..b',
      'example.com..',
      'exa mple.com',
      'example.com\0.org',
      'example.com\n',
      'example.com/x',
      'user@example.com',
      '%31%30.0.0.1',
      '256.1.1.1',
      '1.2.3.4.5',
      '[::1]',
      'fe80::1%eth0',
      '*',
      'xn--a',
      'a'.repeat(64),
      'a.'.repeat(130),
    ])
      assert.equal(await connect({ default: 'allow' }, host), 'denied', JSON.stringify(host));
  });

  test('never resolves a name that alknet keeps', async () => {
    let asked = 0;
    for (const host of ['alknet-node', 'ALKNET-x.example.com', 'peer.alknet', 'Peer.Alknet.'])
      assert.equal(
        await approveConnect(host, 22, {
          policy: policy({ default: 'allow' }),
          requester,
          resolve: async () => {
            asked++;
            return ['203.0.113.5'];
          },
          signal: new AbortController().signal,
        }),
        'denied',
      );
    assert.equal(asked, 0);
  });

  test('lets no name of an allow rule lead inside, unless the rule is private', async () => {
    for (const target of ['*:443', '*', '*.example.com:443']) {
      for (const host of ['inside.example.com', 'metadata.example.com'])
        assert.equal(await connect({ rules: [allow(target)] }, host), 'denied', `${target} ${host}`);
      assert.deepEqual(await connect({ rules: [allow(target, { private: true })] }, 'inside.example.com'), [
        '10.1.2.3 443',
      ]);
    }
    for (const host of [
      'localhost',
      'a.localhost',
      '127.0.0.1',
      '::1',
      '0.0.0.0',
      '::',
      '203.0.113.99',
      '64:ff9b::7f00:1',
    ])
      assert.equal(await connect({ rules: [allow('*:443')] }, host), 'denied', host);
    assert.deepEqual(await connect({ rules: [allow('localhost:443')] }, 'localhost'), [
      '127.0.0.1 443',
      '::1 443',
    ]);
    assert.deepEqual(await connect({ rules: [allow('10.0.0.0/8:443')] }, 'inside.example.com'), [
      '10.1.2.3 443',
    ]);
  });

  test('refuses a name whole when a rule denies one of its addresses, and drops those that no rule allows', async () => {
    const range = allow('203.0.113.0/24:*');
    assert.equal(await connect({ rules: [deny('10.0.0.0/8:*'), range] }, 'both.example.com'), 'denied');
    assert.deepEqual(await connect({ rules: [range] }, 'both.example.com'), ['203.0.113.6 443']);
  });

  test('tells a name without an address from a denied one', async () => {
    assert.equal(await connect({ default: 'allow' }, 'missing.example.com'), 'connect failed');
  });

  test('judges the name alone when a proxy resolves it', async () => {
    const byProxy = (rules: ForwardPolicyConfig['rules'], host: string) =>
      approveConnect(host, 443, {
        policy: policy({ rules }),
        requester,
        resolve: () => assert.fail('resolved'),
        byProxy: true,
        signal: new AbortController().signal,
      });
    assert.deepEqual(await byProxy([allow('*.example.com:443')], 'inside.example.com'), [
      { name: 'inside.example.com', port: 443 },
    ]);
    assert.equal(await byProxy([allow('203.0.113.0/24:443')], 'example.com'), 'denied');
    assert.equal(await byProxy([allow('*:443')], '127.0.0.1'), 'denied');
  });

  test('names the rule that cannot be read, and what it should be', () => {
    for (const [target, says] of [
      ['example.com', /rules\[0\]: "example.com" is no target: write HOST:PORTS/],
      ['example.com:0', /"0" is neither a port/],
      ['example.com:80-79', /"80-79"/],
      ['example.com:70000', /"70000"/],
      ['10.0.0.0/33:80', /is neither a host name/],
      ['10.0.0:80', /"10.0.0" is no address/],
      ['[10.0.0.1]:80', /is no IPv6 address/],
      ['[fe80::1%eth0]:80', /is no IPv6 address/],
      ['unix:relative', /must begin with \//],
      ['a b:80', /is neither a host name/],
    ] as const)
      assert.throws(() => policy({ rules: [allow(target)] }), says, target);
    assert.throws(() => policy({ rules: [allow('*', { sources: ['here'] })] }), /sources: "here"/);
  });

  test('opens Unix sockets by unix: rules only, and judges where a link leads too', () => {
    const judge = (rules: ForwardPolicyConfig['rules'], ...paths: string[]) =>
      policy({ rules }).judgePath('connect', requester, paths).action;
    assert.equal(judge([allow('*')], '/run/app.sock'), 'deny');
    assert.equal(judge([allow('unix:/run/*')], '/run/app.sock'), 'allow');
    assert.equal(judge([allow('unix:/run/*')], '/run/app/x.sock'), 'deny');
    assert.equal(judge([allow('unix:/run/**')], '/run/app/x.sock'), 'allow');
    assert.equal(judge([allow('unix:/run/**')], '/run/link.sock', '/var/docker.sock'), 'deny');
    assert.equal(judge([allow('unix:/run/a.b')], '/run/axb'), 'deny');
  });
});

describe('listening for a client', () => {
  const listen = (config: ForwardPolicyConfig, host: string, port: number) => {
    const first = approveListen(host, port, { policy: policy(config), requester }).next();
    return first.done ? 'denied' : first.value.map(({ address, port: at }) => `${address?.text} ${at}`);
  };
  const listening = (target: string) => ({ rules: [allow(target, { kind: 'listen' })] });

  test('takes * for loopback only, and any other address when it is written', () => {
    for (const host of ['', 'localhost', 'LOCALHOST'])
      assert.deepEqual(listen(listening('*:8080'), host, 8080), ['127.0.0.1 8080', '::1 8080']);
    assert.deepEqual(listen(listening('*:8080'), '127.0.0.1', 8080), ['127.0.0.1 8080']);
    for (const host of ['*', '0.0.0.0', '192.0.2.1', '::'])
      assert.equal(listen(listening('*:8080'), host, 8080), 'denied', host);
    assert.deepEqual(listen(listening('0.0.0.0:8080'), '*', 8080), ['0.0.0.0 8080']);
    assert.deepEqual(listen(listening('192.0.2.1:8080'), '192.0.2.1', 8080), ['192.0.2.1 8080']);
    assert.equal(listen({ rules: [allow('*:8080')] }, '', 8080), 'denied');
  });

  test('wants a port below 1024 written', () => {
    assert.equal(listen(listening('*:*'), '', 80), 'denied');
    assert.deepEqual(listen(listening('localhost:80'), '', 80), ['127.0.0.1 80', '::1 80']);
    assert.deepEqual(listen(listening('*:1-1023'), '127.0.0.1', 80), ['127.0.0.1 80']);
  });

  test('gives the allowed ports of the dynamic range for port 0', () => {
    assert.deepEqual(listen(listening('127.0.0.1:*'), '127.0.0.1', 0), ['127.0.0.1 49152']);
    assert.deepEqual(listen(listening('127.0.0.1:50000-50001'), '127.0.0.1', 0), ['127.0.0.1 50000']);
    assert.equal(listen(listening('127.0.0.1:8080'), '127.0.0.1', 0), 'denied');
  });

  test('binds no name and no port that is none', () => {
    assert.equal(listen(listening('*:*'), 'example.com', 8080), 'denied');
    assert.equal(listen(listening('*:*'), '', 65_536 + 8080), 'denied');
  });
});

describe('permitopen and permitlisten', () => {
  const candidate = (name: string | undefined, text: string, port: number) => {
    const address = parseAddress(text);
    return { ...(name !== undefined && { name }), ...(address && { address }), port };
  };

  test('compare hosts as they are written', () => {
    const test = permits('permitopen', ['example.com:443', '[2001:db8::1]:22', '192.0.2.1:*']);
    assert.equal(test(candidate('example.com', '203.0.113.5', 443)), true);
    assert.equal(test(candidate('example.com', '203.0.113.5', 444)), false);
    assert.equal(test(candidate('other.com', '203.0.113.5', 443)), false);
    assert.equal(test(candidate(undefined, '2001:db8::1', 22)), true);
    assert.equal(test(candidate(undefined, '192.0.2.1', 7)), true);
    assert.equal(test(candidate('other.com', '192.0.2.1', 7)), false);
  });

  test('take a port alone for listening', () => {
    const test = permits('permitlisten', ['8080', 'localhost:9090']);
    assert.equal(test(candidate('localhost', '127.0.0.1', 8080)), true);
    assert.equal(test(candidate(undefined, '192.0.2.1', 8080)), true);
    assert.equal(test(candidate('localhost', '::1', 9090)), true);
    assert.equal(test(candidate(undefined, '192.0.2.1', 9090)), false);
  });

  test('name the entry that cannot be read', () => {
    assert.throws(() => permits('permitopen', ['443']), /permitopen: "443" is not HOST:PORT/);
    assert.throws(() => permits('permitopen', ['a b:443']), /permitopen: "a b:443"/);
    assert.throws(() => permits('permitlisten', ['x:99999']), /permitlisten: "x:99999"/);
  });
});
