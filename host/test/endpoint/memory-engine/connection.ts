/** One end of a connection of the in-memory engine, over the in-memory streams of the sdk. */

import type { Duplex } from 'node:stream';
import {
  type Carrier,
  type CloseInfo,
  ConnectionError,
  type OpenStreamOptions,
  type RemoteAddress,
  type Stream,
  singleStreamCarrier,
} from '@alknet/sdk';
import { carrierPair, duplexPair, type MemoryCarrier } from '@alknet/sdk/testing';
import type {
  TransportConnection,
  TransportKind,
  TransportStats,
  TransportTuning,
} from '../../../src/endpoint/engine.ts';

/** What the handshake has found out. */
export interface MemoryFacts {
  readonly transport: TransportKind;
  readonly alpn: string;
  readonly serverName: string | null;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  /** DER, leaf first; empty when none was shown. */
  readonly chain: readonly Uint8Array[];
}

/** What differs between many streams and one. */
interface Bytes extends Carrier {
  stats(): TransportStats;
  flushed(): Promise<void>;
}

export class MemoryConnection implements TransportConnection {
  readonly transport: TransportKind;
  readonly multiplexed: boolean;
  readonly alpn: string;
  readonly serverName: string | null;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  readonly peerCertificate: Uint8Array | null;
  readonly peerChain: readonly Uint8Array[];
  readonly closed: Promise<CloseInfo>;
  private readonly bytes: Bytes;

  constructor(bytes: Bytes, facts: MemoryFacts) {
    this.bytes = bytes;
    this.multiplexed = bytes.multiplexed;
    this.closed = bytes.closed;
    this.transport = facts.transport;
    this.alpn = facts.alpn;
    this.serverName = facts.serverName;
    this.local = facts.local;
    this.remote = facts.remote;
    this.peerCertificate = facts.chain[0] ?? null;
    this.peerChain = facts.chain.slice(1);
  }

  serve(onStream: (stream: Stream) => void): void {
    this.bytes.serve(onStream);
  }

  openStream(options?: OpenStreamOptions): Promise<Stream> {
    return this.bytes.openStream(options);
  }

  close(code: number, reason: string, by?: 'local' | 'host'): void {
    this.bytes.close(code, reason, by);
  }

  flushed(): Promise<void> {
    return this.bytes.flushed();
  }

  stats(): TransportStats {
    return this.bytes.stats();
  }
}

/** Both ends, that of the one who dialled first. */
export function bytesBetween(
  kind: TransportKind,
  dialler: TransportTuning,
  listener: TransportTuning,
): [Bytes, Bytes] {
  if (kind === 'tls') {
    const [near, far] = duplexPair();
    return [singleStream(near, dialler.tlsIdleTimeout), singleStream(far, listener.tlsIdleTimeout)];
  }
  const [near, far] = carrierPair({ streams: listener.streamsPerConnection });
  keepAlive(near, far, Math.min(dialler.idleTimeout, listener.idleTimeout));
  return [near, far];
}

/** `docs/spec/endpoint.md` 6.4: each end hears of the other as long as both are there; alone it ends. */
function keepAlive(near: MemoryCarrier, far: MemoryCarrier, idleTimeout: number): void {
  const ends = [near, far];
  let heard = performance.now();
  const look = setInterval(() => {
    if (ends.length === 2) heard = performance.now();
    else if (performance.now() - heard >= idleTimeout)
      for (const end of [...ends]) end.finish({ code: 0, reason: 'idle time-out', by: 'transport' });
  }, idleTimeout / 3);
  look.unref();
  for (const end of [near, far])
    void end.closed.then(() => {
      ends.splice(ends.indexOf(end), 1);
      if (ends.length === 0) clearInterval(look);
    });
}

/** `idleTimeout`: milliseconds without a byte either way; 0: never. */
function singleStream(duplex: Duplex, idleTimeout: number): Bytes {
  // What is no error of the stream itself was passed to `destroy` by whoever holds it.
  const endedBy = (error: Error) => (error instanceof ConnectionError ? 'transport' : 'local');
  const carrier = singleStreamCarrier(duplex, { endedBy });
  if (idleTimeout > 0) endWhenIdle(duplex, idleTimeout);
  return {
    ...carrier,
    stats: () => ({
      streams: duplex.destroyed ? 0 : 1,
      buffered: duplex.readableLength + duplex.writableLength,
    }),
    flushed: () =>
      new Promise((resolve) => {
        if (duplex.writableLength === 0 || duplex.destroyed) return resolve();
        duplex.once('finish', resolve).once('close', resolve);
        if (!duplex.writableEnded) duplex.write('', () => resolve());
      }),
  };
}

function endWhenIdle(duplex: Duplex, idleTimeout: number): void {
  const timer = setTimeout(
    () => duplex.destroy(new ConnectionError('TIMEOUT', `no byte either way for ${idleTimeout} ms`)),
    idleTimeout,
  );
  const { push, _write: write } = duplex;
  duplex.push = (...chunk) => {
    timer.refresh();
    return push.apply(duplex, chunk);
  };
  duplex._write = (...chunk) => {
    timer.refresh();
    write.apply(duplex, chunk);
  };
  duplex.once('close', () => clearTimeout(timer));
}
