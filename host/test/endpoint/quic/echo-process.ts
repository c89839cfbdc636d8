/** A QUIC echo node in a process of its own; tells its port to its parent and lives as long as that listens. */

import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { freshCertificate } from '../../../src/identity/certificate.ts';
import { echo, tuning } from './support.ts';

const certificate = freshCertificate();
const listener = await quicTransport().listen({
  host: '127.0.0.1',
  port: 0,
  tuning,
  policy: {
    handshakeTimeout: 10_000,
    admit: () => ({ established() {}, release() {} }),
    parameters: () => ({ certificate, alpns: ['test/echo'], clientCertificate: 'demand' }),
    accepted: echo,
  },
});
process.on('disconnect', () => process.exit(0));
process.send?.(listener.address);
