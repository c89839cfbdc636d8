/**
 * From what a client asks to the addresses that may be used: syntax, reserved names, resolution, policy. No socket is
 * opened here. `docs/spec/ssh.md` 7.1 and 7.4.
 *
 * @module
 */

import { type Address, parseAddress } from './address.ts';
import { canonicalHost, type Host, isPort } from './canonical-target.ts';
import type { ForwardPolicy, Requester } from './policy.ts';
import type { Candidate } from './target-pattern.ts';

/** The addresses of a name, A and AAAA, as text. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Why a target is not reached; the client is told no more than the word. */
export type Refusal = 'denied' | 'connect failed';

export interface Approved {
  /** Absent with a proxy, which is given the name. */
  readonly address?: Address;
  readonly name?: string;
  readonly port: number;
}

const mostAddresses = 16;
const resolveMs = 5000;

export interface ApproveOptions {
  readonly policy: Pick<ForwardPolicy, 'judge'>;
  readonly requester: Requester;
  readonly resolve: Resolve;
  /** What the login key or certificate narrows the policy to. */
  readonly narrowed?: (candidate: Candidate) => boolean;
  /** A proxy resolves the names, which are judged as such. */
  readonly byProxy?: boolean;
  readonly signal: AbortSignal;
}

/** The places that a `direct-tcpip` to `host` and `port` may be connected to, in the order to try them. */
export async function approveConnect(
  host: string,
  port: number,
  options: ApproveOptions,
): Promise<readonly Approved[] | Refusal> {
  const canonical = canonicalHost(host);
  if (typeof canonical === 'string' || !isPort(port)) return 'denied';
  const candidates = await candidatesOf(canonical, port, options);
  if (candidates.length === 0) return 'connect failed';
  const { narrowed } = options;
  const within = narrowed === undefined ? candidates : candidates.filter(narrowed);
  if (within.length === 0) return 'denied';
  const { approved } = options.policy.judge('connect', options.requester, within);
  return approved.length === 0 ? 'denied' : approved;
}

async function candidatesOf(
  host: Host,
  port: number,
  { resolve, byProxy, signal }: ApproveOptions,
): Promise<Candidate[]> {
  if (host.kind === 'address') return [{ address: host.address, port }];
  const { name } = host;
  if (byProxy) return [{ name, port }];
  const addresses = await addressesOf(name, resolve, signal);
  return addresses.map((address) => ({ name, address, port }));
}

async function addressesOf(name: string, resolve: Resolve, signal: AbortSignal): Promise<Address[]> {
  // RFC 6761 6.3: these names are loopback, whatever a server says.
  const texts =
    name === 'localhost' || name.endsWith('.localhost')
      ? ['127.0.0.1', '::1']
      : await resolve(name, AbortSignal.any([signal, AbortSignal.timeout(resolveMs)])).catch(() => []);
  return texts
    .slice(0, mostAddresses)
    .map(parseAddress)
    .filter((address) => address !== undefined);
}
