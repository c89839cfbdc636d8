/**
 * Where a `tcpip-forward` may listen. `docs/spec/ssh.md` 7.5, RFC 4254 7.1.
 *
 * @module
 */

import { parseAddress } from './address.ts';
import { canonicalHost, isPort } from './canonical-target.ts';
import type { ForwardPolicy, Requester } from './policy.ts';
import type { Candidate } from './target-pattern.ts';

/** The first port of the range for private use, RFC 6335 6. */
const firstDynamicPort = 49_152;

/** The addresses that a client means by a bind address: nothing and `localhost` are loopback, `*` is every address. */
function bindAddresses(text: string): readonly { name?: string; address: string }[] | undefined {
  if (text === '' || text.toLowerCase() === 'localhost')
    return [
      { name: 'localhost', address: '127.0.0.1' },
      { name: 'localhost', address: '::1' },
    ];
  if (text === '*') return [{ address: '0.0.0.0' }, { address: '::' }];
  const host = canonicalHost(text);
  if (typeof host === 'string' || host.kind === 'name') return undefined;
  return [{ address: host.address.text }];
}

export interface ListenOptions {
  readonly policy: Pick<ForwardPolicy, 'judge'>;
  readonly requester: Requester;
  readonly narrowed?: (candidate: Candidate) => boolean;
}

/**
 * The sets of addresses and port to try to bind, in order: one for a port that was asked for, and all ports of the
 * dynamic range that the policy allows for port 0.
 */
export function* approveListen(
  host: string,
  port: number,
  { policy, requester, narrowed }: ListenOptions,
): Generator<readonly Candidate[], void, undefined> {
  const addresses = bindAddresses(host);
  if (addresses === undefined || !isPort(port, { zero: true })) return;
  const ports = port === 0 ? { first: firstDynamicPort, last: 65_535 } : { first: port, last: port };
  for (let candidate = ports.first; candidate <= ports.last; candidate++) {
    const candidates = addresses.flatMap(({ name, address: text }) => {
      const address = parseAddress(text);
      if (address === undefined) return [];
      return [{ ...(name !== undefined && { name }), address, port: candidate }];
    });
    const within = narrowed === undefined ? candidates : candidates.filter(narrowed);
    const { approved } = policy.judge('listen', requester, within);
    if (approved.length > 0) yield approved;
  }
}
