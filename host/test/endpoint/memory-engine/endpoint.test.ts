/** The endpoint's own tests once more, on engines without a network: nothing in it leans on QUIC or TLS. */

import { runOn } from '../support.ts';
import { memoryTransport } from './index.ts';

runOn(() => [memoryTransport('quic'), memoryTransport('tls')]);

await import('../router.test.ts');
await import('../streams.test.ts');
await import('../life.test.ts');
await import('../limits.test.ts');
await import('../dispatch.test.ts');
