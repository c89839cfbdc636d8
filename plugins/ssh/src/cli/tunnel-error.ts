/**
 * Why a tunnel could not be made or went down, in the form by which the host knows its exit code. `docs/spec/cli.md` 4.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { HostKeyMismatchError, LoginRefusedError } from '../client/link.ts';

/** Exit 2. */
export function wrongInput(message: string): CallError {
  return new CallError('INVALID_INPUT', message);
}

/** Codes of a dial that end with exit 5, 5 and 4. */
type Code = 'PeerMismatch' | 'UnknownIdentity' | 'Connect';

export class TunnelError extends Error {
  override readonly name = 'DialError';
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the link ended with. */
export function tunnelErrorOf(error: unknown): Error {
  if (!(error instanceof Error)) return new TunnelError('Connect', String(error));
  if (error instanceof HostKeyMismatchError) return new TunnelError('PeerMismatch', error.message);
  if (error instanceof LoginRefusedError) return new TunnelError('UnknownIdentity', error.message);
  // A failed dial, and whatever else has a name of its own, says it itself.
  return error.name === 'Error' ? new TunnelError('Connect', error.message) : error;
}
