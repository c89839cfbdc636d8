/**
 * From a PEER as a person writes it to where the node is and what it must prove. `docs/spec/cli.md` 5.
 *
 * @module
 */

import type { Config } from '../config/index.ts';
import { parseAddress } from '../config/parse-address.ts';
import type { DialTarget } from '../endpoint/dial.ts';
import { DialError } from '../endpoint/dial-error.ts';
import { parsePeer } from '../endpoint/target.ts';
import { normaliseFingerprint } from '../identity/fingerprint.ts';
import type { PeerEntry } from '../identity/index.ts';

/** What knows addresses and keys by name: `peers` of the configuration, and entries of `peers.json`. */
export interface PeerBook {
  entry(id: string): PeerEntry | undefined;
}

/** What an alias leaves out, its peer's entry says. */
function given<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

/** @throws PeerSyntaxError, DialError `Resolve` */
export function targetOf(
  text: string,
  config: Pick<Config, 'peers'> | undefined,
  book: PeerBook | undefined,
): DialTarget {
  const peer = parsePeer(text);
  switch (peer.kind) {
    case 'local':
      throw new DialError('Resolve', 'local: a node does not dial itself');
    case 'key':
      throw new DialError(
        'Resolve',
        `${text}: finding a node by its key alone needs the dns plugin, which is not available in this build; give host:port#${peer.fingerprint}`,
      );
    case 'host':
      return {
        name: text,
        addresses: [{ host: peer.host, port: peer.port }],
        pins: peer.pin === null ? [] : [peer.pin],
      };
    case 'name': {
      const alias =
        config !== undefined && Object.hasOwn(config.peers, peer.name) ? config.peers[peer.name] : undefined;
      const entry = book?.entry(alias?.peer ?? peer.name);
      const addresses = given(alias?.addresses) ?? entry?.addresses;
      if (alias === undefined && entry === undefined) {
        return { name: text, addresses: [{ host: peer.name, port: peer.port }], pins: [] };
      }
      if (addresses === undefined || addresses.length === 0) {
        throw new DialError(
          'Resolve',
          `${text}: no address is known for it; give one with: alknet peer set ${peer.name} HOST:PORT`,
        );
      }
      const pins = (given(alias?.fingerprints) ?? entry?.fingerprints ?? []).map(normaliseFingerprint);
      return { name: text, addresses: addresses.map(parseAddress), pins };
    }
  }
}
