/**
 * The JSON of a request: media type, size, time, encoding and depth are looked at before it is parsed.
 * `docs/spec/http.md` 6.
 *
 * @module
 */

import { isUtf8 } from 'node:buffer';
import { nesting } from '@alknet/sdk/call';
import type { HttpConfig } from '../config.ts';
import { BodyFault, readBody } from '../server/body.ts';
import type { HttpRequest } from '../server/message.ts';

const maxNesting = 64;

/** `undefined` without a body. Rejects with a BodyFault. */
export function readJson(request: HttpRequest, { limits }: HttpConfig): Promise<unknown> {
  const fault = headFault(request);
  if (fault !== undefined) return Promise.reject(fault);
  return readBody(request, { size: limits.body, time: limits.bodyTimeout }, parseJson);
}

function headFault(request: HttpRequest): BodyFault | undefined {
  const expect = request.header('expect');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return new BodyFault(417, `Expect: "100-continue" is all that is known, found "${shown(expect)}"`);
  if (request.body === null) return undefined;
  const encoding = request.header('content-encoding');
  if (encoding !== undefined)
    return new BodyFault(415, `Content-Encoding: none is taken, found "${shown(encoding)}"`);
  const type = request.header('content-type');
  if (!isJson(type))
    return new BodyFault(415, `Content-Type: expected application/json, found "${shown(type ?? '')}"`);
  return undefined;
}

/** @throws BodyFault 400 */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw new BodyFault(400, 'the body is not UTF-8');
  if (nesting(body) > maxNesting)
    throw new BodyFault(400, `the body nests deeper than ${maxNesting} arrays and objects`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BodyFault(400, 'the body is not JSON');
  }
}

const jsonType =
  /^application\/(json|[a-z0-9!#$&^_.+-]+\+json)\s*(;\s*[a-z0-9_-]+=(?:"[^"]*"|[^";\s]*)\s*)*$/i;

function isJson(type: string | undefined): boolean {
  if (type === 'application/json') return true;
  if (type === undefined || type.length > 256 || !jsonType.test(type)) return false;
  const charset = /;\s*charset="?([^";\s]*)/i.exec(type)?.[1];
  return charset === undefined || charset.toLowerCase() === 'utf-8';
}

/** What came, short and on one line. */
export function shown(text: string): string {
  return text.slice(0, 60).replaceAll(/[^ -~]/g, '?');
}
