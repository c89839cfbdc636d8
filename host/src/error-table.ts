/**
 * Every error code that a person or program can meet, in one place. `docs/errors.md` is generated from it, and the types
 * below make a code without a row a compile error.
 *
 * @module
 */

import type { CallErrorCode, ConnectionErrorCode, StoreErrorCode } from '@alknet/sdk';
import type { DialErrorCode } from './endpoint/dial-error.ts';
import type { VaultErrorCode } from './vault/errors.ts';

export interface ErrorRow {
  /** What happened. */
  readonly means: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

type Table<Code extends string> = Readonly<Record<Code, ErrorRow>>;

export const callErrors: Table<CallErrorCode> = {
  NOT_FOUND: {
    means:
      'No operation of that name can be called from here: unknown, internal, out of reach, or its peer is not connected.',
    remedy:
      'Look at `alknet ops`; check the spelling, the plugin that owns it, and the connection to the peer.',
  },
  FORBIDDEN: {
    means: 'The access rule of the operation does not admit the caller.',
    remedy:
      'The message names the missing scope or resource: `alknet peer set ID --scope S` on the node grants it.',
  },
  INVALID_INPUT: {
    means: 'The input does not fit the schema of the operation; `details.issues` names each place.',
    remedy: 'Compare with `alknet schema OP --input`.',
  },
  INVALID_OPERATION_TYPE: {
    means: 'A subscription was called, or a query or mutation subscribed to.',
    remedy: 'Use `alknet subscribe` for subscriptions and `alknet call` for the others.',
  },
  INTERNAL: {
    means:
      'The handler failed, its output did not fit its schema, a limit was met, or the connection was lost.',
    remedy: 'Find `details.ref` in the log of the node: that line has the whole error.',
  },
  TIMEOUT: {
    means: 'The deadline passed before the answer.',
    remedy: 'Call again, or allow more time with `timeoutMs` (`alknet call --timeout`).',
  },
  ABORTED: {
    means: 'The call was cancelled, here or by the other side (reload, revocation, shutdown).',
    remedy: 'Call again if the result is still wanted.',
  },
};

export const connectionErrors: Table<ConnectionErrorCode> = {
  CONNECTION_CLOSED: {
    means: 'The connection is over; `closeInfo` has code, reason and side.',
    remedy: 'Connect again.',
  },
  STREAM_CLOSED: {
    means: 'A stream was opened on a single-stream connection, or written to after its end.',
    remedy: 'Use the one stream that the connection yields; write before `end()`.',
  },
  STREAM_RESET: {
    means: 'The peer gave up its sending side; `streamCode` says why.',
    remedy: 'Open another stream.',
  },
  STREAM_STOPPED: {
    means: 'The peer takes no more data on this stream; `streamCode` says why.',
    remedy: 'Open another stream.',
  },
  TIMEOUT: {
    means: 'The connection was idle too long, or the handshake unanswered.',
    remedy: 'Connect again.',
  },
  LIMIT: {
    means: 'A limit of the node was met; the message names its key.',
    remedy: 'Use less, or raise the limit in the configuration.',
  },
  INTERNAL: { means: 'Anything else; `cause` has the error.', remedy: 'Look at `cause`.' },
};

export const dialErrors: Table<DialErrorCode> = {
  Resolve: {
    means: 'The name or key of the target could not be turned into an address.',
    remedy: 'Check the spelling, or give `host:port#pin`.',
  },
  Connect: {
    means: 'Nothing answers at that address.',
    remedy: 'Check that the node runs (`alknet up`) and listens there, and the firewall.',
  },
  Handshake: {
    means: 'The TLS or QUIC handshake failed.',
    remedy: 'The message has the alert; see the log of the other node.',
  },
  NoAlpn: {
    means: 'The node does not serve that ALPN.',
    remedy: 'Enable the plugin in its `alknet.config.json`.',
  },
  Refused: {
    means: 'The node refuses new connections: it is stopping, or at a limit.',
    remedy: 'Try again later.',
  },
  Aborted: { means: 'The dial was cancelled.', remedy: 'Dial again if still wanted.' },
  HandshakeTimeout: {
    means: 'The handshake was not over in time.',
    remedy: 'Check the path to the node; UDP may be blocked: try `--transport tls`.',
  },
  PeerMismatch: {
    means: 'The node proved another key than the one expected. Nothing was sent.',
    remedy:
      'If the node was made anew, verify its fingerprint by another way and replace the pin; otherwise somebody stands between.',
  },
  UnknownIdentity: {
    means: 'No pin is known for this node, and it shows a self-signed identity.',
    remedy:
      'Compare the fingerprint of the message with `alknet status` on that node, then give it: `host:port#ed25519:…`.',
  },
  UntrustedChain: {
    means: 'No pin is known, and the certificate does not chain to a trusted authority for that name.',
    remedy: 'Pin the key, or add the authority with `tls.ca`.',
  },
  NoRemoteCertificate: {
    means: 'The server showed no certificate.',
    remedy: 'That is no alknet node; check address and port.',
  },
};

export const storeErrors: Table<StoreErrorCode> = {
  STORE_CONFLICT: {
    means: 'The key is no longer at the revision that the write expected. Nothing changed.',
    remedy: 'Read again and repeat.',
  },
  STORE_KEY: { means: 'The key is not `[A-Za-z0-9_=./-]{1,256}`.', remedy: 'Use another key.' },
  STORE_VALUE: { means: 'The value is above 1 MiB.', remedy: 'Split it.' },
  STORE_FULL: { means: 'The plugin is at its `limits.storeSize`.', remedy: 'Delete, or raise the limit.' },
  STORE_FAILED: {
    means: 'The store file could not be read or written.',
    remedy: 'Check disk space and permissions; restore `store.db` from a backup if it is damaged.',
  },
};

/** The set is open: these are the codes of the adapters that come with alknet. */
export const adapterErrors: Table<
  'AdapterConfig' | 'DiscoveryFailed' | 'SchemaParse' | 'Unauthorized' | 'Transport' | 'Collision'
> = {
  AdapterConfig: {
    means: "A member of an adapter's entry cannot be used, or its namespace is not granted.",
    remedy: 'The message names namespace and member; correct it in the configuration.',
  },
  DiscoveryFailed: {
    means: 'The source answered, and not with what can be imported.',
    remedy: 'Look at the source itself; the node tries again by itself.',
  },
  SchemaParse: {
    means: 'The document has a fault at the place that the message names.',
    remedy:
      'Correct the document, or leave the operation out with `exclude`; convert Swagger 2.0 to OpenAPI 3.',
  },
  Unauthorized: {
    means: 'The source wants a credential that it was not given.',
    remedy: 'Set `auth` and its secret; give an OpenAPI document as a file when its URL needs a credential.',
  },
  Transport: {
    means: 'The source could not be reached.',
    remedy: 'Check address, network and certificate; the node tries again by itself.',
  },
  Collision: {
    means: 'The namespace belongs to a plugin, or to another adapter.',
    remedy: 'Give the entry another `namespace`.',
  },
};

export const vaultErrors: Table<VaultErrorCode> = {
  VaultLocked: { means: 'The vault is locked.', remedy: '`alknet vault unlock`, or restart the node.' },
  AlreadyUnlocked: { means: 'The vault is unlocked already.', remedy: 'Nothing to do.' },
  Mnemonic: {
    means: 'The phrase has a wrong number of words, an unknown word or a wrong checksum.',
    remedy: 'Check each word against the BIP-39 English list.',
  },
  InvalidPath: {
    means: 'A derivation path or key version is malformed or out of range.',
    remedy: 'Use a path of `docs/spec/vault.md` 5.',
  },
  UnsupportedKeyType: {
    means: 'The key type is none of Ed25519, Aes256Gcm, Secp256k1.',
    remedy: 'Use one of them.',
  },
  Derivation: {
    means: 'A key could not be derived, or a redacted key was parsed.',
    remedy: 'Redacted keys hold no secret: derive again.',
  },
  Encryption: {
    means: 'A stored value could not be encrypted or decrypted.',
    remedy: 'It belongs to another mnemonic, or the file is damaged: set the secret again.',
  },
  VaultMissing: {
    means: 'There is no vault in the data directory.',
    remedy: '`alknet init`, or `alknet vault restore` with the phrase.',
  },
  VaultExists: {
    means: 'The data directory has a vault already.',
    remedy: 'Use another directory, or move `vault.json` away.',
  },
  VaultFormat: {
    means: 'The vault file is malformed or of an unknown version.',
    remedy: 'Restore it from a backup or from the phrase.',
  },
  UnlockFailed: {
    means: 'Wrong passphrase, or a damaged vault file.',
    remedy: 'Check the passphrase; restore from the phrase if the file is damaged.',
  },
  NoUnlockSource: {
    means: 'The vault has a passphrase and nothing to read it from.',
    remedy: '`--passphrase-file`, a systemd credential, a terminal, or `alknet vault rotate --none`.',
  },
  FilePermissions: {
    means: 'A secret file is readable by others and could not be narrowed.',
    remedy: '`chmod 600` it.',
  },
  SecretName: {
    means: 'The name is not `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, or is that of a key capability.',
    remedy: 'Use another name.',
  },
  SecretMissing: {
    means: 'There is no secret of that name.',
    remedy: '`alknet secret list`, then `alknet secret set NAME`.',
  },
  SecretValue: { means: 'The value is empty, above 64 KiB or not UTF-8.', remedy: 'Give another value.' },
  SecretsFormat: {
    means: '`secrets.json` is malformed; the previous secrets stay in use.',
    remedy: 'Restore it from a backup, or set the secrets anew.',
  },
  SecretsBusy: {
    means: 'Another program holds `secrets.json.lock`.',
    remedy: 'Try again; remove the lock if no alknet command runs.',
  },
};

/** In the order of `docs/errors.md`. */
export const errorTables: readonly { title: string; where: string; rows: Table<string> }[] = [
  {
    title: 'Calls',
    where: '`CallError.code`, `call.error` on the wire; operations declare further ones',
    rows: callErrors,
  },
  { title: 'Connections and streams', where: '`ConnectionError.code`', rows: connectionErrors },
  { title: 'Dialling', where: '`DialError.code`', rows: dialErrors },
  { title: 'Vault and secrets', where: '`VaultError.code`; never on a wire', rows: vaultErrors },
  {
    title: 'Adapters',
    where: '`AdapterError.code`, in the log and in `http/adapters/list`',
    rows: adapterErrors,
  },
  { title: 'Store', where: '`StoreError.code`', rows: storeErrors },
];
