/**
 * `@currentspace/http3`: raw QUIC of a newer quiche, driven by a thread in Rust. It is no dependency, since it wants Node 24 and
 * takes 120 MB; where somebody has installed it, it is a contender. This is what the bench uses of it.
 *
 * @module
 */

import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';

export const packageName = '@currentspace/http3';

const require = createRequire(import.meta.url);

export const isInstalled: boolean = (() => {
  try {
    require.resolve(packageName);
    return true;
  } catch {
    return false;
  }
})();

interface Options {
  readonly alpn: readonly string[];
  /** Bytes of one UDP payload. */
  readonly maxUdpPayloadSize: number;
}

interface Session {
  on(event: 'stream', listener: (stream: Duplex) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
}

interface ClientSession extends Session {
  openStream(): Duplex;
  close(): Promise<void>;
}

interface QuicServer {
  on(event: 'session', listener: (session: Session) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  listen(port: number, host: string): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

interface Library {
  /** `disableRetry: false` validates addresses, as alknet always does. */
  createQuicServer(
    options: Options & { readonly cert: string; readonly key: string; readonly disableRetry: boolean },
  ): QuicServer;
  connectQuicAsync(
    authority: string,
    options: Options & { readonly ca: string; readonly servername: string },
  ): Promise<ClientSession>;
}

export async function load(): Promise<Library> {
  const library: Library = await import(packageName);
  return library;
}
