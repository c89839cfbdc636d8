/**
 * Which errors of an imported operation leave the node as they are: an adapter says what its remote did, and takes
 * secrets out itself. `docs/spec/http.md` 17.4.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import type { Registration, RegistrationKind } from './registration.ts';

const adapters: ReadonlySet<RegistrationKind> = new Set(['openapi', 'mcp', 'jsonschema']);
/** What an adapter may say of the protocol's codes; `NOT_FOUND` and `FORBIDDEN` are this node's alone. */
const ownWords: ReadonlySet<string> = new Set(['INTERNAL', 'TIMEOUT', 'INVALID_INPUT']);
/** Counts as declared, so that an undeclared status of the remote reaches the caller as what it is. */
const httpStatus = /^HTTP_[345]\d\d$/;

export function isAdapterFailure(
  { provenance, compiled }: Pick<Registration, 'provenance' | 'compiled'>,
  thrown: unknown,
): thrown is CallError {
  if (!adapters.has(provenance.kind) || !(thrown instanceof CallError)) return false;
  return ownWords.has(thrown.code) || httpStatus.test(thrown.code) || compiled.errors.has(thrown.code);
}
