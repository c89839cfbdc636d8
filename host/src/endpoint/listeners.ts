/**
 * Binding what `listen` names: all of it, or nothing. `docs/spec/endpoint.md` 14, `docs/spec/config.md` 11.
 *
 * @module
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { addressText } from './address.ts';
import type {
  ListenerPolicy,
  Transport,
  TransportKind,
  TransportListener,
  TransportTuning,
} from './engine.ts';

export interface ListenSpec {
  readonly transport: TransportKind;
  /** IP address, or `*`. */
  readonly host: string;
  /** 0: the system chooses; TLS then takes the number that QUIC got on the same host. */
  readonly port: number;
  readonly alpns?: readonly string[];
  /** TLS only. Default `http/1.1`. */
  readonly fallbackAlpn?: string | null;
  /** Configuration key, for messages. */
  readonly key?: string;
}

export interface Bound {
  readonly spec: ListenSpec;
  readonly listener: TransportListener;
}

/** A listener could not be bound; nothing is left bound. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const portTries = 16;

/** @throws ListenError */
export async function bindAll(
  specs: readonly ListenSpec[],
  parts: { transports: readonly Transport[]; policy: ListenerPolicy; tuning: TransportTuning },
): Promise<Bound[]> {
  for (let attempt = 1; ; attempt++) {
    const bound: Bound[] = [];
    try {
      // QUIC first: its port number is the one that TLS follows.
      const order = [...specs].sort((a, b) => a.transport.localeCompare(b.transport));
      for (const spec of order) {
        const port = spec.port === 0 ? portOfPair(spec, bound) : spec.port;
        bound.push({ spec, listener: await bind(spec, port, parts) });
      }
      return bound;
    } catch (error) {
      await Promise.all(bound.map(({ listener }) => listener.close()));
      const chosenElsewhere =
        error instanceof ListenError && isTaken(error.cause) && specs.some(({ port }) => port === 0);
      if (!chosenElsewhere || attempt === portTries) throw error;
    }
  }
}

function portOfPair(spec: ListenSpec, bound: readonly Bound[]): number {
  const pair = bound.find(
    (other) =>
      other.spec.transport !== spec.transport && other.spec.host === spec.host && other.spec.port === 0,
  );
  return pair?.listener.address.port ?? 0;
}

async function bind(
  spec: ListenSpec,
  port: number,
  parts: { transports: readonly Transport[]; policy: ListenerPolicy; tuning: TransportTuning },
): Promise<TransportListener> {
  const { transport: kind, host } = spec;
  const place = `${kind} ${addressText({ address: host, port })}`;
  const key = spec.key ?? `listen.${kind}`;
  const transport = parts.transports.find((each) => each.kind === kind);
  if (transport === undefined)
    throw new ListenError(`cannot listen on ${place} (${key}): this build has no ${kind}`);
  try {
    return await transport.listen({
      host: await numeric(host),
      port,
      policy: parts.policy,
      tuning: parts.tuning,
      ...(spec.alpns === undefined ? {} : { filter: spec.alpns }),
      fallbackAlpn: spec.fallbackAlpn === undefined ? 'http/1.1' : spec.fallbackAlpn,
    });
  } catch (error) {
    throw new ListenError(`cannot listen on ${place} (${key}): ${cause(error)}`, { cause: error });
  }
}

/** QUIC and TLS listen on the same address of a name that has several. */
async function numeric(host: string): Promise<string> {
  return host === '*' || isIP(host) !== 0 ? host : (await lookup(host)).address;
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

function cause(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return 'the address is in use (EADDRINUSE); stop the other program or choose another port';
    case 'EACCES':
      return 'no permission (EACCES); ports below 1024 need a privilege';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for this name (${code})`;
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address (EADDRNOTAVAIL)';
  }
  return message;
}
