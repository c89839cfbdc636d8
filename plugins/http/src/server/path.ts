/**
 * Paths of requests: one percent-decoding of each segment, byte for byte comparison. `docs/spec/http.md` 3. Pure.
 *
 * @module
 */

/** Path and query of a request. */
export class ParsedTarget {
  /** As it came, without query; for logs and reserved paths. */
  readonly path: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
  #segments: { readonly decoded: readonly string[] | undefined } | undefined;

  constructor(target: string) {
    // A fragment never belongs on the wire; what comes with one matches nothing.
    const mark = target.indexOf('?');
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? '' : target.slice(mark + 1);
  }

  /** Decoded segments; `undefined` for a path that matches nothing. `/` is no segments. Reserved paths need none. */
  get segments(): readonly string[] | undefined {
    this.#segments ??= { decoded: decodePath(this.path) };
    return this.#segments.decoded;
  }
}

/** `undefined`: an empty segment, a dot segment, an encoded slash or NUL, invalid UTF-8, or no path at all. */
function decodePath(path: string): readonly string[] | undefined {
  if (path === '/') return [];
  if (!path.startsWith('/')) return undefined;
  const segments = path.slice(1).split('/');
  for (let index = 0; index < segments.length; index++) {
    const decoded = decodeSegment(segments[index] ?? '');
    if (decoded === undefined) return undefined;
    segments[index] = decoded;
  }
  return segments;
}

const plain = /^[A-Za-z0-9_~!$&'()*+,;=:@.-]+$/;

function decodeSegment(segment: string): string | undefined {
  let decoded = segment;
  if (!plain.test(segment)) {
    try {
      decoded = decodeURIComponent(segment);
    } catch {
      return undefined;
    }
  }
  if (decoded === '' || decoded === '.' || decoded === '..') return undefined;
  return decoded.includes('/') || decoded.includes('\0') ? undefined : decoded;
}
