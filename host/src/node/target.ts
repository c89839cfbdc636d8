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
  /** Whose key this is, in its normal form. */
  owner(fingerprint: string): PeerEntry | undefined;
}

/** What an alias leaves out, its peer's entry says. */
function given<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

/** Where the address book has a key. */
function addressesOf(
  fingerprint: string,
  config: Pick<Config, 'peers'> | undefined,
  book: PeerBook | undefined,
): readonly string[] | undefined {
  for (const { addresses, fingerprints } of Object.values(config?.peers ?? {}))
    if (given(addresses) && fingerprints?.some((each) => normaliseFingerprint(each) === fingerprint))
      return addresses;
  return book?.owner(fingerprint)?.addresses;
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
    case 'key': {
      const addresses = given(addressesOf(peer.fingerprint, config, book));
      if (addresses === undefined)
        throw new DialError(
          'Resolve',
          `${text}: no address is known for this key; give host:port#${peer.fingerprint}, or keep one: alknet peer add NAME HOST:PORT --fingerprint ${peer.fingerprint}`,
        );
      return { name: text, addresses: addresses.map(parseAddress), pins: [peer.fingerprint] };
    }
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
