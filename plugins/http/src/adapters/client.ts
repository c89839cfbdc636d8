/**
 * The pooled HTTP client that all adapters share. It holds connections and no credential; a new configuration makes a new
 * one, and the old one finishes what it has. `docs/spec/http.md` 17.4.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { AdapterError } from '@alknet/sdk';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';

export interface ClientConfig {
  /** Of one origin. */
  readonly connections: number;
  /** Path of a PEM file; trusted besides the system's. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** URL. */
  readonly proxy?: string | undefined;
}

const connectTimeout = 10_000;

/** @throws AdapterError `AdapterConfig` naming the member */
export function makeDispatcher(config: ClientConfig): Dispatcher {
  const { ca, cert, key, proxy, connections } = config;
  const tls = {
    ...(ca === undefined ? {} : { ca: [...rootCertificates, pem('ca', ca)] }),
    ...(cert === undefined ? {} : { cert: pem('cert', cert) }),
    ...(key === undefined ? {} : { key: pem('key', key) }),
  };
  const common = {
    connections,
    allowH2: true,
    // A call's deadline and its own limit say how long; a subscription may be silent for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...tls, timeout: connectTimeout },
  };
  if (proxy === undefined) return new Agent(common);
  try {
    return new ProxyAgent({ ...common, uri: proxy, requestTls: tls });
  } catch (error) {
    throw new AdapterError('AdapterConfig', `client.proxy: expected the URL of a proxy, found "${proxy}"`, {
      cause: error,
    });
  }
}

function pem(member: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AdapterError('AdapterConfig', `client.${member}: ${path} cannot be read`, { cause: error });
  }
}

export class HttpClient {
  #dispatcher: Dispatcher;

  constructor(config: ClientConfig) {
    this.#dispatcher = makeDispatcher(config);
  }

  /** For one request from its first byte to its last. */
  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /** Requests from now on are sent by the new settings. @throws AdapterError, and nothing has changed */
  configure(config: ClientConfig): void {
    const old = this.#dispatcher;
    this.#dispatcher = makeDispatcher(config);
    // Resolves when its requests are over.
    void old.close().catch(() => {});
  }

  /** Ends every request. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}
