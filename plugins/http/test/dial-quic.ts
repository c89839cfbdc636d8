/** A QUIC connection to the node under test, as another node opens it. */

import { silentLog } from '@alknet/sdk';
import { defaultSettings, Endpoint } from '../../../host/src/endpoint/index.ts';
import { quicTransport } from '../../../host/src/endpoint/quic/index.ts';
import { NodeIdentities, PeerTable } from '../../../host/src/identity/index.ts';
import type { HttpNode } from './node.ts';

export async function dialQuic(t: { after(step: () => unknown): void }, node: HttpNode, alpn: string) {
  const caller = new Endpoint({
    transports: [quicTransport()],
    identities: new NodeIdentities({ key: null, peers: new PeerTable(), ca: () => undefined }),
    settings: defaultSettings,
    log: silentLog,
  });
  t.after(() => caller.close());
  return caller.dial(
    { name: 'node', addresses: [{ host: '127.0.0.1', port: node.quicPort }], pins: [node.node.id] },
    { alpn, transport: 'quic' },
  );
}
