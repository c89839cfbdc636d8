/**
 * From a key that somebody shows to who that is. `docs/spec/ssh.md` 3.
 *
 * @module
 */

import type { Identity, Log, PeerDirectory } from '@alknet/sdk';
import type { SshConfig } from '../config.ts';
import {
  type Certificate,
  isCertificateType,
  parseCertificate,
  plainAlgorithm,
} from '../keys/certificate.ts';
import {
  KeyTypeError,
  type PublicKey,
  parsePublicKey,
  signatureFits,
  verifySignature,
  verifyStripped,
} from '../keys/public-key.ts';
import { type Authority, type Revocations, readAuthorities, readRevocations } from './authority.ts';
import { judgeCertificate } from './certificate-login.ts';
import { KeyDirectory } from './key-directory.ts';
import { type Login, unrestricted } from './login.ts';

export interface Credential {
  readonly user: string;
  /** Of the other side, if it is known. */
  readonly address: string | undefined;
  /** As the request names it: `rsa-sha2-512`, `ssh-ed25519-cert-v01@openssh.com`. */
  readonly algorithm: string;
  readonly blob: Buffer;
  /** Absent in a query. */
  readonly signature: { readonly value: Buffer; readonly data: Buffer } | undefined;
}

export type Verdict =
  | { readonly login: Login }
  | { readonly reason: string; readonly key: string; readonly peer?: string };

type Shown =
  | { readonly kind: 'plain'; readonly key: PublicKey }
  | { readonly kind: 'certificate'; readonly key: Certificate };

export class Authenticator {
  readonly #peers: PeerDirectory;
  readonly #directory: KeyDirectory;
  #authorities: ReadonlyMap<string, Authority> = new Map();
  #revocations: Revocations = readRevocations([]);
  #users: readonly string[] = [];

  constructor(peers: PeerDirectory, log: Log) {
    this.#peers = peers;
    this.#directory = new KeyDirectory(peers, log);
  }

  /** Reads a configuration, and gives what takes it into use. @throws Error that names what is wrong with it */
  prepare({ userCas, revoked, users }: Pick<SshConfig, 'userCas' | 'revoked' | 'users'>): () => void {
    const authorities = readAuthorities(userCas);
    const revocations = readRevocations(revoked);
    return () => {
      this.#authorities = authorities;
      this.#revocations = revocations;
      this.#users = users;
    };
  }

  peersChanged(): void {
    this.#directory.reload();
  }

  /** Of a query without a signature: who it would be. */
  judge(credential: Credential): Verdict {
    const shown = read(credential);
    if ('reason' in shown) return shown;
    const verdict = this.#identify(shown, credential, Date.now());
    if (!('login' in verdict)) return verdict;
    if (credential.signature !== undefined && !isSigned(shown, credential, credential.signature))
      return { reason: 'signature', key: shown.key.normal };
    return verdict;
  }

  #identify(shown: Shown, credential: Credential, now: number): Verdict {
    const { user } = credential;
    const key = shown.key.normal;
    if (user.length === 0 || Buffer.byteLength(user) > 255 || user.includes('\0'))
      return { reason: 'user', key };
    if (this.#users.length > 0 && !this.#users.includes(user)) return { reason: 'user', key };
    const verdict =
      shown.kind === 'plain'
        ? this.#plain(shown.key, credential, now)
        : this.#certified(shown.key, credential, now);
    if ('reason' in verdict) return { ...verdict, key };
    const { identity, restrictions } = verdict;
    const peer = identity.id;
    return {
      login: {
        user,
        key,
        peer,
        restrictions,
        // An identity of a CA is no peer's: it is what the CA gave at the login.
        identity: () => (peer.startsWith('ssh:') ? identity : this.#peers.resolvePeer(peer)),
        lapsed: () => {
          const again = this.#identify(shown, credential, now);
          if ('reason' in again) return again.reason;
          return again.login.peer === peer ? undefined : 'unknown_key';
        },
      },
    };
  }

  #plain({ normal }: PublicKey, { address }: Credential, now: number): Found {
    if (this.#revocations.isKeyRevoked(normal)) return { reason: 'revoked' };
    if (this.#authorities.has(normal)) return { reason: 'ca_key' };
    const found = this.#directory.owner(normal);
    if (found === undefined) return { reason: 'unknown_key' };
    const { owner, identity } = found;
    if (!owner.mayComeFrom(address)) return { reason: 'source', peer: identity.id };
    const { options } = owner;
    if (options === undefined) return { identity, restrictions: unrestricted };
    if (options.expiresAt !== undefined && now >= options.expiresAt)
      return { reason: 'expired', peer: identity.id };
    const { pty, forwarding, command, permitOpen, permitListen } = options;
    return { identity, restrictions: { pty, forwarding, command, permitOpen, permitListen } };
  }

  #certified(certificate: Certificate, { user, address }: Credential, now: number): Found {
    if (this.#authorities.has(certificate.normal)) return { reason: 'ca_key' };
    const trust = { authorities: this.#authorities, revocations: this.#revocations };
    const verdict = judgeCertificate(certificate, { user, address, now }, trust);
    if ('reason' in verdict) return verdict;
    const entry = this.#peers.entries().some(({ id }) => id === user);
    const { scopes, resources } = verdict.authority;
    const identity = entry
      ? this.#peers.resolvePeer(user)
      : Object.freeze({ id: `ssh:${user}`, scopes, resources });
    if (identity === undefined) return { reason: 'disabled', peer: user };
    return {
      identity,
      restrictions: {
        ...unrestricted,
        pty: certificate.extensions.has('permit-pty'),
        forwarding: certificate.extensions.has('permit-port-forwarding'),
        command: verdict.command,
      },
    };
  }
}

type Found =
  | { readonly identity: Identity; readonly restrictions: Login['restrictions'] }
  | { readonly reason: string; readonly peer?: string };

function read({ algorithm, blob }: Credential): Shown | { reason: string; key: string } {
  const certified = isCertificateType(algorithm);
  try {
    const shown: Shown = certified
      ? { kind: 'certificate', key: parseCertificate(blob) }
      : { kind: 'plain', key: parsePublicKey(blob) };
    if (signatureFits(shown.key.type, plainAlgorithm(algorithm))) return shown;
    return { reason: 'key_type', key: shown.key.normal };
  } catch (error) {
    if (error instanceof KeyTypeError) return { reason: 'key_type', key: '-' };
    return { reason: certified ? 'cert_malformed' : 'key_malformed', key: '-' };
  }
}

type Signature = NonNullable<Credential['signature']>;

/** The library hands over the signature of a certificate as it came, and of a plain key its value alone. */
function isSigned(shown: Shown, { algorithm }: Credential, { value, data }: Signature): boolean {
  if (shown.kind === 'plain') return verifyStripped(shown.key, algorithm, value, data);
  const length = value.length >= 4 ? value.readUInt32BE(0) : 0;
  const used = value.toString('latin1', 4, 4 + length);
  return used === plainAlgorithm(algorithm) && verifySignature(shown.key, value, data);
}
