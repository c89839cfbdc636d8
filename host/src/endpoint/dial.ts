/**
 * One attempt to reach a remote: names to addresses, addresses to handshakes, both transports side by side.
 * `docs/spec/endpoint.md` 10. What the connection is then used for is the caller's.
 *
 * @module
 */

import { lookup } from 'node:dns/promises';
import { addressText, isIP } from './address.ts';
import { DialError, type DialErrorCode } from './dial-error.ts';
import type {
  Certificate,
  DialProxy,
  Transport,
  TransportConnection,
  TransportKind,
  TransportTuning,
} from './engine.ts';
import type { Identities } from './owner.ts';
import { type Attempt, alternate, RaceLost, race } from './race.ts';

/** Where a remote is and what it must prove; made from a PEER of `docs/spec/cli.md` 5 by who knows the address books. */
export interface DialTarget {
  /** As the user wrote it, for messages. */
  readonly name: string;
  /** Host names or IP addresses. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Fingerprints in normal form, any of which is accepted. Empty: certificate authorities and the name decide. */
  readonly pins: readonly string[];
  /** SNI; absent: the host name, and none with an `ed25519:` pin. */
  readonly serverName?: string | null;
}

export interface DialRules {
  readonly alpn: string;
  /** Default `auto`. */
  readonly transport?: 'auto' | TransportKind | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Show the own certificate to a remote without pins too. */
  readonly presentIdentity?: boolean | undefined;
  /** The only way out: TLS over TCP through it, no lookup of a name, never QUIC, never directly. */
  readonly proxy?: DialProxy | undefined;
}

/** Milliseconds between attempts at the addresses of a name (RFC 8305 8). */
const addressStagger = 250;
/** Milliseconds that QUIC has before TLS over TCP is tried beside it. */
const transportStagger = 1000;

export type Dialled = Attempt<TransportConnection>;

/** @throws DialError */
export async function dial(
  target: DialTarget,
  rules: DialRules,
  parts: { transports: readonly Transport[]; identities: Identities; tuning: TransportTuning },
): Promise<TransportConnection> {
  const deadline = performance.now() + rules.timeoutMs;
  const left = () => Math.max(1, Math.round(deadline - performance.now()));
  // Not AbortSignal.timeout: that would hold on to what was dialled until it is over.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), rules.timeoutMs);
  const signal = rules.signal === undefined ? late.signal : AbortSignal.any([rules.signal, late.signal]);
  const discard = (unwanted: TransportConnection) => unwanted.close(0, '');
  const { transport: wanted = 'auto', proxy } = rules;
  if (proxy !== undefined && wanted === 'quic')
    throw new DialError('Connect', `${target.name}: a proxy carries TLS over TCP, and QUIC was asked for`);
  const kinds: readonly TransportKind[] =
    proxy !== undefined ? ['tls'] : wanted === 'auto' ? ['quic', 'tls'] : [wanted];
  const usable = kinds.flatMap((kind) => parts.transports.filter((transport) => transport.kind === kind));
  try {
    signal.throwIfAborted();
    const places = proxy === undefined ? await resolveAll(target, signal) : unresolved(target);
    const attempts = usable.map(
      (transport): Dialled =>
        (signal) =>
          race(
            places.map(
              ({ host, address }): Dialled =>
                (signal) =>
                  transport.dial({
                    address,
                    ...(proxy === undefined ? {} : { proxy }),
                    alpn: rules.alpn,
                    serverName: serverNameFor(target, host),
                    certificate: shownCertificate(transport.kind, target, rules, parts.identities),
                    verify: parts.identities.verifyServer({ pins: target.pins, name: host }),
                    timeoutMs: left(),
                    signal,
                    tuning: parts.tuning,
                  }),
            ),
            { stagger: addressStagger, signal, discard },
          ),
    );
    return await race(attempts, { stagger: transportStagger, signal, discard });
  } catch (error) {
    throw explained(target, rules, error, late.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}

/** `docs/spec/identity.md` 10, "own certificate"; QUIC servers demand one (`docs/spec/endpoint.md` 2.4). */
function shownCertificate(
  kind: TransportKind,
  target: DialTarget,
  rules: DialRules,
  identities: Identities,
): Certificate | null {
  const own = target.pins.length > 0 || rules.presentIdentity === true ? identities.ownCertificate : null;
  return own ?? (kind === 'quic' ? identities.freshCertificate() : null);
}

function serverNameFor(target: DialTarget, host: string): string | null {
  if (target.serverName !== undefined) return target.serverName;
  if (isIP(host) !== 0 || target.pins.some((pin) => pin.startsWith('ed25519:'))) return null;
  return host;
}

interface Place {
  readonly host: string;
  /** A host name, when a proxy resolves it. */
  readonly address: { readonly address: string; readonly port: number };
}

function unresolved({ addresses }: DialTarget): Place[] {
  return addresses.map(({ host, port }) => ({ host, address: { address: host, port } }));
}

async function resolveAll(target: DialTarget, signal: AbortSignal): Promise<Place[]> {
  const found = await Promise.allSettled(
    target.addresses.map(async ({ host, port }): Promise<Place[]> => {
      const family = isIP(host);
      if (family !== 0) return [{ host, address: { address: host, port } }];
      const answers = await Promise.race([lookup(host, { all: true, verbatim: true }), aborted(signal)]);
      return alternate(answers).map(({ address }) => ({ host, address: { address, port } }));
    }),
  );
  signal.throwIfAborted();
  const places = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (places.length > 0) return places;
  const names = target.addresses.map(({ host }) => host).join(', ');
  const [failed] = found.filter((result) => result.status === 'rejected');
  const why = failed === undefined ? 'no address is known for it' : `${names}: ${codeOf(failed.reason)}`;
  throw new DialError('Resolve', why, { cause: failed?.reason });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(code ?? message ?? error);
}

/** Most telling first: what a remote proved or refused says more than that another path was silent. */
const telling: readonly DialErrorCode[] = [
  'PeerMismatch',
  'UnknownIdentity',
  'UntrustedChain',
  'NoRemoteCertificate',
  'NoAlpn',
  'Refused',
  'Handshake',
  'Resolve',
  'Connect',
  'HandshakeTimeout',
  'Aborted',
];

/** One line: target, then each transport with what came. */
function explained(target: DialTarget, rules: DialRules, error: unknown, timedOut: boolean): DialError {
  const errors = flatten(error).filter((each) => each instanceof DialError);
  const [worst] = errors.toSorted((a, b) => telling.indexOf(a.code) - telling.indexOf(b.code));
  if (rules.signal?.aborted) {
    return new DialError('Aborted', `${target.name}: the dial was cancelled`, { cause: rules.signal.reason });
  }
  const because = { cause: error };
  if (worst === undefined || (timedOut && worst.code === 'Aborted')) {
    const places = target.addresses.map(({ host, port }) => addressText({ address: host, port })).join(', ');
    const { transport: wanted = 'auto' } = rules;
    const how = rules.proxy !== undefined ? 'the proxy' : wanted === 'auto' ? 'quic and tls' : wanted;
    if (timedOut) {
      const text = `${target.name}: no connection for ${rules.alpn} to ${places} over ${how} within ${rules.timeoutMs} ms`;
      return new DialError('HandshakeTimeout', text, because);
    }
    const text = worst?.message ?? (error instanceof Error ? error.message : String(error));
    return new DialError('Connect', `${target.name}: ${how}: ${text}`, because);
  }
  const messages = new Set(errors.filter(({ code }) => code !== 'Aborted').map(({ message }) => message));
  return new DialError(
    worst.code,
    `${target.name}: ${[...messages].join('; ')}`.replace(/\s+/g, ' '),
    because,
  );
}

function flatten(error: unknown): unknown[] {
  return error instanceof RaceLost ? error.errors.flatMap(flatten) : [error];
}
