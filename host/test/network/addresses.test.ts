import { test } from 'node:test';
import { noNamespace, runInside } from './inside.ts';

test(
  'END-14 two real addresses of one IPv6 /64 share the limit, over QUIC and TLS',
  {
    skip: noNamespace,
  },
  (t) => runInside(t, 'prefix.ts', ['fd00:1:2:3::1/128', 'fd00:1:2:3:ffff::2/128', 'fd00:1:2:4::1/128']),
);

test(
  'a listener bound to an address that goes away serves again when it returns',
  {
    skip: noNamespace,
  },
  (t) => runInside(t, 'lost-address.ts', ['10.98.0.1/32']),
);
