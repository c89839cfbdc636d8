/**
 * From our request to the web's `Request`, and from its `Response` to our answer.
 *
 * @module
 */

import { type BodyLimits, streamBody } from './body.ts';
import type { Answer, HeaderFields, HttpRequest } from './message.ts';

/** `CONNECT` and `TRACE` cannot be methods of a Request; an extended CONNECT is a `GET` to its handler, as an upgrade is. */
export function toWebRequest(
  request: HttpRequest,
  limits: BodyLimits,
  onFault: (fault: unknown) => void = () => {},
): Request {
  const headers = new Headers();
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  const method = request.protocol === undefined ? request.method : 'GET';
  const { body } = request;
  return new Request(`https://${request.authority || 'localhost'}${request.target}`, {
    method,
    headers,
    ...(body === null || method === 'GET' || method === 'HEAD'
      ? {}
      : { body: ReadableStream.from(watched(streamBody(request, body, limits), onFault)), duplex: 'half' }),
  });
}

/** Tells what a handler, or a thread that it runs in, may turn into an error of its own. */
async function* watched(body: AsyncIterable<Uint8Array>, onFault: (fault: unknown) => void) {
  try {
    yield* body;
  } catch (error) {
    onFault(error);
    throw error;
  }
}

/** Fields of one connection (RFC 9110 7.6.1), which belong to the server. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'te',
  'trailer',
]);

export function fromWebResponse(response: Response): Answer {
  const headers: HeaderFields = {};
  for (const [name, value] of response.headers) {
    // 426 must say what to upgrade to (RFC 9110 15.5.22).
    if (hopByHop.has(name) && !(name === 'upgrade' && response.status === 426)) continue;
    if (name === 'set-cookie') headers[name] = response.headers.getSetCookie();
    else headers[name] = value;
  }
  return { status: response.status, headers, body: response.body ?? undefined };
}
