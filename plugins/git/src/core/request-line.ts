/**
 * The line with which a client asks for a service, as git-daemon reads it. `docs/spec/git.md` 2. Pure.
 *
 * @module
 */

export const services = ['git-upload-pack', 'git-receive-pack', 'git-upload-archive'] as const;

export type Service = (typeof services)[number];

export interface ServiceRequest {
  readonly service: Service;
  readonly path: string;
  /** For `GIT_PROTOCOL`; absent: version 0. */
  readonly protocol: string | undefined;
}

export type ParsedRequest =
  | { readonly kind: 'request'; readonly request: ServiceRequest }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown service' };

/** Bytes of the line with its four digits. */
export const requestLength = { least: 5, most: 4096 } as const;

const mostParameters = 16;
const used: ReadonlySet<string> = new Set([
  'version=0',
  'version=1',
  'version=2',
  'object-format=sha1',
  'object-format=sha256',
]);

const malformed: ParsedRequest = { kind: 'malformed' };

export function isService(word: string): word is Service {
  return services.some((service) => service === word);
}

/** `payload` is the line without its four digits. */
export function parseRequest(payload: Uint8Array): ParsedRequest {
  // Bytes, not characters: a path with others than ASCII is no name and is refused as one.
  const text = Buffer.from(payload).toString('latin1');
  const space = text.indexOf(' ');
  if (space < 1) return malformed;
  const word = text.slice(0, space);
  if (!/^[a-z][a-z-]{0,63}$/.test(word)) return malformed;
  const rest = text.slice(space + 1);
  const nul = rest.indexOf('\0');
  if (nul === -1 && !rest.endsWith('\n')) return malformed;
  const path = nul === -1 ? rest.slice(0, -1) : rest.slice(0, nul);
  if (path === '' || path.includes('\n')) return malformed;
  const parameters = nul === -1 ? [] : parametersOf(rest.slice(nul + 1));
  if (parameters === undefined) return malformed;
  if (!isService(word)) return { kind: 'unknown service' };
  return { kind: 'request', request: { service: word, path, protocol: protocolOf(parameters) } };
}

/** `[ "host=" host NUL ] [ NUL *( parameter NUL ) ]`; `undefined` for anything else. */
function parametersOf(tail: string): string[] | undefined {
  const extra = tail.startsWith('\0') ? tail.slice(1) : afterHost(tail);
  if (extra === undefined) return undefined;
  if (extra === '') return [];
  if (!extra.endsWith('\0')) return undefined;
  const parameters = extra.slice(0, -1).split('\0');
  return parameters.length > mostParameters || parameters.includes('') ? undefined : parameters;
}

function afterHost(tail: string): string | undefined {
  if (tail === '') return '';
  const end = tail.indexOf('\0');
  if (!tail.startsWith('host=') || end === -1) return undefined;
  const rest = tail.slice(end + 1);
  if (rest === '') return '';
  return rest.startsWith('\0') ? rest.slice(1) : undefined;
}

/** Those of the parameters that git is told of. */
export function protocolOf(parameters: readonly string[]): string | undefined {
  const known = parameters.filter((parameter) => used.has(parameter));
  return known.length === 0 ? undefined : known.join(':');
}

/** Of a `Git-Protocol` header or `GIT_PROTOCOL`: the same parameters, separated by colons. */
export function protocolOfList(text: string | null | undefined): string | undefined {
  return text === null || text === undefined
    ? undefined
    : protocolOf(text.split(':').slice(0, mostParameters));
}
