/** The endpoint's own tests once more, on engines without a network: nothing in it leans on QUIC or TLS. */

import { after } from 'node:test';
import { runOn } from '../support.ts';
import { memoryTransport } from './index.ts';

// Without sockets nothing else keeps the process while a test waits for timers that need not.
const alive = setInterval(() => {}, 60_000);
after(() => clearInterval(alive));

runOn(() => [memoryTransport('quic'), memoryTransport('tls')]);

await import('../router.test.ts');
await import('../streams.test.ts');
await import('../life.test.ts');
await import('../limits.test.ts');
await import('../dispatch.test.ts');
