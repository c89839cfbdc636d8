/**
 * Which peer a plain key belongs to: the first enabled entry that holds its normal form, or a line with it.
 * `docs/spec/ssh.md` 3.3.
 *
 * @module
 */

import type { AuthorizedKeyOptions, Identity, Log, PeerDirectory } from '@alknet/sdk';
import { addressMatcher } from '../keys/address-match.ts';
import { readKeyLine } from '../keys/key-text.ts';

export interface KeyOwner {
  readonly peer: string;
  readonly options: AuthorizedKeyOptions | undefined;
  /** Of `from=`. */
  readonly mayComeFrom: (address: string | undefined) => boolean;
}

const anywhere = () => true;

export class KeyDirectory {
  readonly #peers: PeerDirectory;
  readonly #log: Log;
  #owners = new Map<string, KeyOwner[]>();

  constructor(peers: PeerDirectory, log: Log) {
    this.#peers = peers;
    this.#log = log;
    this.reload();
  }

  /** Takes the entries as they are now. */
  reload(): void {
    const owners = new Map<string, KeyOwner[]>();
    const add = (normal: string, owner: KeyOwner) =>
      owners.set(normal, [...(owners.get(normal) ?? []), owner]);
    for (const { id, fingerprints, sshKeys } of this.#peers.entries()) {
      // Options of a line apply also when the entry holds the fingerprint as well.
      for (const text of sshKeys) {
        const line = this.#read(id, text);
        if (line !== undefined) add(line.normal, line.owner);
      }
      for (const normal of fingerprints) add(normal, { peer: id, options: undefined, mayComeFrom: anywhere });
    }
    this.#owners = owners;
  }

  /** The owner of a key, if it is enabled and not expired. */
  owner(normal: string): { owner: KeyOwner; identity: Identity } | undefined {
    for (const owner of this.#owners.get(normal) ?? []) {
      const identity = this.#peers.resolvePeer(owner.peer);
      if (identity !== undefined) return { owner, identity };
    }
    return undefined;
  }

  #read(id: string, text: string): { normal: string; owner: KeyOwner } | undefined {
    try {
      const { key, options } = readKeyLine(text);
      const matches = addressMatcher(options.from);
      const mayComeFrom = (address: string | undefined) => address !== undefined && matches(address);
      return {
        normal: key.normal,
        owner: { peer: id, options, mayComeFrom: options.from.length === 0 ? anywhere : mayComeFrom },
      };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log.error('ssh key line not usable', { peer: id, message });
      return undefined;
    }
  }
}
