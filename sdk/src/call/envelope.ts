/**
 * Envelopes: what travels in a frame. `docs/spec/call.md` 3 and 4. Pure.
 *
 * @module
 */

import { CallError } from '../errors.ts';
import type { ForwardedFor } from '../identity.ts';
import { fits, toBase64 } from '../text.ts';
import { BadFrame, maxNesting } from './bad-frame.ts';

export type EventType =
  | 'call.requested'
  | 'call.responded'
  | 'call.completed'
  | 'call.aborted'
  | 'call.error'
  | 'call.window';

export interface Envelope {
  /** One of {@link EventType}; unknown ones are ignored by whoever reads. */
  readonly type: string;
  readonly id: string;
  readonly payload: unknown;
}

const maxIdBytes = 256;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws BadFrame when a required member is missing or of another type. */
export function toEnvelope(value: unknown): Envelope {
  if (!isObject(value)) throw new BadFrame('the body is not an object');
  const { type, id } = value;
  if (typeof type !== 'string') throw new BadFrame('type is not text');
  if (typeof id !== 'string') throw new BadFrame('id is not text');
  if (!fits(id, maxIdBytes)) throw new BadFrame(`id is over ${maxIdBytes} bytes`);
  if (!Object.hasOwn(value, 'payload')) throw new BadFrame('payload is missing');
  return { type, id, payload: value['payload'] };
}

/** JSON text of an envelope whose payload is JSON text already. */
export function envelopeText(type: EventType, id: string, payload: string): string {
  return `{"type":"${type}","id":${JSON.stringify(id)},"payload":${payload}}`;
}

/**
 * JSON text of an input or output: `bigint` as decimal text, bytes as base64, `undefined` as `null`.
 * @throws RangeError `too deep` above the nesting that the frame may have, `levels` of which are used around the value.
 */
export function valueText(value: unknown, levels = 2): string {
  if (value === undefined) return 'null';
  const special = inspect(value, maxNesting - levels);
  return (special ? JSON.stringify(value, writeSpecial) : JSON.stringify(value)) ?? 'null';
}

/** Whether there are values that JSON has no form for. One walk, which checks the depth as well. */
function inspect(value: unknown, left: number): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Uint8Array) return true;
  if (left === 0) throw new RangeError('too deep');
  let special = false;
  if (Array.isArray(value)) {
    for (const item of value) if (inspect(item, left - 1)) special = true;
  } else {
    for (const key in value) if (inspect((value as Record<string, unknown>)[key], left - 1)) special = true;
  }
  return special;
}

function writeSpecial(this: unknown, key: string, value: unknown): unknown {
  // Buffer has a toJSON of its own, which has run already: look at what stands in the holder.
  const raw = isObject(this) || Array.isArray(this) ? (this as Record<string, unknown>)[key] : value;
  if (typeof raw === 'bigint') return raw.toString();
  if (raw instanceof Uint8Array) return toBase64(raw);
  return value;
}

/** `forwarded_for` of a request; anything malformed is nothing. `docs/spec/call.md` 10. */
export function toForwardedFor(value: unknown): ForwardedFor | null {
  if (!isObject(value)) return null;
  const { id, display_name: name } = value;
  if (typeof id !== 'string' || id === '' || !fits(id, 256)) return null;
  return typeof name === 'string' ? { id, displayName: name.slice(0, 128) } : { id };
}

const maxMessage = 1024;
const maxDetails = 64 * 1024;

/** Payload of `call.error`. `ABORTED` exists only locally and is never asked for here. */
export function errorText(error: CallError): string {
  let details: string | undefined;
  if (error.details !== undefined) {
    try {
      details = valueText(error.details, 3);
    } catch {
      // Left out: an error must arrive.
    }
  }
  const message = error.message.length > maxMessage ? error.message.slice(0, maxMessage) : error.message;
  const tail = details === undefined || !fits(details, maxDetails) ? '' : `,"details":${details}`;
  return `{"code":${JSON.stringify(error.code)},"message":${JSON.stringify(message)},"retryable":${error.retryable}${tail}}`;
}

/** What a `call.error` says; a malformed one is `INTERNAL`, so that nobody waits for it in vain. */
export function toCallError(payload: unknown, known: (code: string) => boolean): CallError {
  if (!isObject(payload)) return new CallError('INTERNAL', 'malformed error');
  const { code, message, retryable, details } = payload;
  if (typeof code !== 'string' || typeof message !== 'string')
    return new CallError('INTERNAL', 'malformed error');
  // The set of codes is open; what nobody here knows must not be retried on the peer's word.
  const again = code === 'TIMEOUT' || (retryable === true && known(code));
  return new CallError(code, message, { retryable: again, details });
}
