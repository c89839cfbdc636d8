/**
 * Binary data and large integers in JSON: `Bytes()` declares base64 text that handlers and callers see as a
 * `Uint8Array`, `Int64()` decimal text that may be given as a `bigint`. `docs/spec/call.md` 3. Pure.
 *
 * @module
 */

import { Type } from './libraries/typebox.ts';

/** Binary data; base64 on the wire. */
export function Bytes(options: { description?: string } = {}) {
  return Type.Unsafe<Uint8Array>({ type: 'string', contentEncoding: 'base64', ...options });
}

/** An integer from −2^63 to 2^63 − 1; decimal text on the wire. */
export function Int64(options: { description?: string } = {}) {
  return Type.Unsafe<bigint>({ type: 'string', format: 'int64', ...options });
}

/** An integer from 0 to 2^64 − 1; decimal text on the wire. */
export function Uint64(options: { description?: string } = {}) {
  return Type.Unsafe<bigint>({ type: 'string', format: 'uint64', ...options });
}
