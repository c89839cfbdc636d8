/**
 * Exit codes, and the errors that carry them. `docs/spec/cli.md` 3 and 4.
 *
 * @module
 */

import { CallError } from '@alknet/sdk/streams';

export const Exit = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  CONFIG: 3,
  UNREACHABLE: 4,
  AUTH: 5,
  FORBIDDEN: 6,
  NOT_FOUND: 7,
  CONFLICT: 8,
  TIMEOUT: 9,
  VAULT: 10,
  INTEGRITY: 11,
  UNSUPPORTED: 12,
  DEFECT: 70,
} as const;

export interface CliErrorOptions {
  code?: string;
  /** Why. */
  reason?: string;
  /** What to do about it. */
  hint?: string;
  details?: unknown;
}

/** An error that the user can act on. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: number;
  readonly code: string;
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(
    exit: number,
    message: string,
    { code = 'FAILED', reason, hint, details }: CliErrorOptions = {},
  ) {
    super(message);
    this.exit = exit;
    this.code = code;
    this.reason = reason;
    this.hint = hint;
    this.details = details;
  }
}

export function usage(message: string, hint?: string): CliError {
  return new CliError(Exit.USAGE, message, { code: 'USAGE', ...(hint === undefined ? {} : { hint }) });
}

const vaultConflicts = new Set(['VaultExists', 'AlreadyUnlocked']);
const dialAuth = new Set(['PeerMismatch', 'UnknownIdentity', 'UntrustedChain', 'NoRemoteCertificate']);

/** What any error means for the exit code. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CallError) return fromCall(error);
  if (!(error instanceof Error)) return new CliError(Exit.DEFECT, String(error), { code: 'DEFECT' });
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const make = (exit: number, hint?: string) =>
    new CliError(exit, error.message, { code, ...(hint === undefined ? {} : { hint }) });
  switch (error.name) {
    case 'VaultError':
      if (vaultConflicts.has(code)) return make(Exit.CONFLICT);
      if (code === 'VaultMissing') return make(Exit.NOT_FOUND, 'alknet init');
      if (code === 'SecretMissing') return make(Exit.NOT_FOUND);
      if (code === 'Mnemonic' || code === 'SecretName' || code === 'SecretValue' || code === 'InvalidPath')
        return make(Exit.USAGE);
      return make(Exit.VAULT);
    case 'ConfigError':
    case 'PeersFormatError':
    case 'VerifierBuildError':
    case 'CertLoadError':
      return make(Exit.CONFIG);
    case 'NodeRunning':
    case 'RevisionMismatch':
      return make(Exit.CONFLICT);
    case 'ArchiveError':
    case 'LockFormatError':
      return make(Exit.INTEGRITY);
    case 'TrustError':
      return new CliError(Exit.INTEGRITY, error.message, { code: 'UNTRUSTED' });
    case 'PluginError':
      return new CliError(Exit.FAILED, error.message, { code: 'PLUGIN_FAILED' });
    case 'ListenError':
    case 'StoreError':
      return make(Exit.FAILED);
    case 'PeersBusy':
    case 'LockBusy':
      return make(Exit.UNREACHABLE, 'try again');
    case 'PeerSyntaxError':
    case 'FingerprintError':
    case 'OperatorKeyError':
      return make(Exit.USAGE);
    case 'ConnectionError':
      return make(Exit.UNREACHABLE);
    case 'DialError':
      if (code === 'UnknownIdentity')
        return make(
          Exit.AUTH,
          'to know it by a name: alknet peer add NAME HOST:PORT --fingerprint ed25519:…',
        );
      if (dialAuth.has(code)) return make(Exit.AUTH);
      return make(code === 'HandshakeTimeout' ? Exit.TIMEOUT : Exit.UNREACHABLE);
  }
  if (/^E[A-Z]+$/.test(code)) return make(Exit.FAILED);
  return new CliError(Exit.DEFECT, error.message, { code: 'DEFECT', reason: error.stack ?? '' });
}

/** Errors of the host's own operations, by their status (`docs/spec/registry.md` 15). */
const hostExits: Readonly<Record<string, number>> = {
  CONNECTION_NOT_FOUND: Exit.NOT_FOUND,
  PLUGIN_NOT_FOUND: Exit.NOT_FOUND,
  PEER_NOT_FOUND: Exit.NOT_FOUND,
  TOKEN_NOT_FOUND: Exit.NOT_FOUND,
  PEER_EXISTS: Exit.CONFLICT,
  OWN_ENTRY: Exit.CONFLICT,
  REVISION_MISMATCH: Exit.CONFLICT,
  CONFIG_NOT_WRITABLE: Exit.CONFLICT,
  WOULD_DISCONNECT: Exit.CONFLICT,
  PEER_INVALID: Exit.USAGE,
  TOKEN_INVALID: Exit.USAGE,
};

function fromCall({ code, message, details }: CallError): CliError {
  const exit =
    code === 'NOT_FOUND'
      ? Exit.NOT_FOUND
      : code === 'FORBIDDEN'
        ? message === 'authentication required'
          ? Exit.AUTH
          : Exit.FORBIDDEN
        : code === 'INVALID_INPUT' || code === 'INVALID_OPERATION_TYPE'
          ? Exit.USAGE
          : code === 'TIMEOUT'
            ? Exit.TIMEOUT
            : code === 'INTERNAL' && message === 'connection closed'
              ? Exit.UNREACHABLE
              : Object.hasOwn(hostExits, code)
                ? (hostExits[code] ?? Exit.FAILED)
                : Exit.FAILED;
  return new CliError(exit, message, {
    code,
    ...(exit === Exit.AUTH
      ? {
          hint: 'your key (operator in alknet vault show) or token is not let in there; alknet peer add there does that',
        }
      : {}),
    ...(details === undefined ? {} : { details }),
  });
}
