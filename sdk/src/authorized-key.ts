/**
 * One line of a list of SSH keys: options, key type, key, comment. `docs/spec/ssh.md` 3.3. Pure.
 *
 * @example
 * parseAuthorizedKey('from="10.0.0.0/8",no-pty ssh-ed25519 AAAAC3Nza… alice@laptop').options.from; // ['10.0.0.0/8']
 *
 * @module
 */

/** What the options in front of a key allow and demand. */
export interface AuthorizedKeyOptions {
  /** Patterns of the remote address, as written; empty: any. */
  readonly from: readonly string[];
  /** Runs instead of what is asked for. */
  readonly command?: string;
  /** Milliseconds since 1970 from which the key is refused. */
  readonly expiresAt?: number;
  readonly permitOpen: readonly string[];
  readonly permitListen: readonly string[];
  readonly pty: boolean;
  readonly forwarding: boolean;
}

export interface AuthorizedKey {
  /** `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, … */
  readonly type: string;
  /** The public key as RFC 4253 6.6 has it. */
  readonly blob: Uint8Array;
  readonly comment: string;
  readonly options: AuthorizedKeyOptions;
}

/** Names what is wrong with a line, and never repeats a key that may be private. */
export class AuthorizedKeyError extends Error {
  override readonly name = 'AuthorizedKeyError';
}

export const acceptedKeyTypes: readonly string[] = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
];

/** Accepted, and without effect: what they speak of is refused always. */
const withoutEffect = new Set([
  'no-agent-forwarding',
  'no-x11-forwarding',
  'no-user-rc',
  'agent-forwarding',
  'x11-forwarding',
  'user-rc',
]);

type Draft = { -readonly [Member in keyof AuthorizedKeyOptions]: AuthorizedKeyOptions[Member] };

/** @throws AuthorizedKeyError */
export function parseAuthorizedKey(line: string): AuthorizedKey {
  const text = line.trim();
  if (text.includes('-----BEGIN'))
    throw new AuthorizedKeyError(
      'found a PEM; expected a key line in the OpenSSH format (ssh-ed25519 AAAA…): `ssh-keygen -i -m PKCS8 -f FILE` converts a public key',
    );
  if (/[\0\r\n]/.test(text)) throw new AuthorizedKeyError('expected one line');
  const { words, rest } = optionsOf(text);
  const [type = '', base64 = '', ...comment] = rest.split(/[ \t]+/);
  if (!acceptedKeyTypes.includes(type))
    throw new AuthorizedKeyError(
      `key type ${JSON.stringify(type.slice(0, 64))}: expected one of ${acceptedKeyTypes.join(', ')} and the key behind it`,
    );
  return {
    type,
    blob: blobOf(type, base64),
    comment: comment.join(' '),
    options: readOptions(words),
  };
}

/** The options in front, which end at the first space or tab outside quotes. */
function optionsOf(text: string): { words: string[]; rest: string } {
  const first = text.split(/[ \t]/, 1)[0] ?? '';
  if (acceptedKeyTypes.includes(first)) return { words: [], rest: text };
  const words: string[] = [];
  let word = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '\\' && text[i + 1] === '"') {
      word += '\\"';
      i++;
    } else if (c === '"') {
      quoted = !quoted;
      word += c;
    } else if (!quoted && c === ',') {
      words.push(word);
      word = '';
    } else if (!quoted && (c === ' ' || c === '\t')) {
      words.push(word);
      return { words, rest: text.slice(i).trim() };
    } else word += c;
  }
  if (quoted) throw new AuthorizedKeyError('an option has a quote that does not end');
  // One word: no option, but something that is no key type.
  return { words: [], rest: text };
}

function readOptions(words: readonly string[]): AuthorizedKeyOptions {
  const options: Draft = { from: [], permitOpen: [], permitListen: [], pty: true, forwarding: true };
  for (const word of words) {
    const at = word.indexOf('=');
    const name = (at === -1 ? word : word.slice(0, at)).toLowerCase();
    if (
      at === -1 ? !readSwitch(options, name) : !readValue(options, name, unquoted(name, word.slice(at + 1)))
    )
      throw new AuthorizedKeyError(`option ${JSON.stringify(name.slice(0, 64))} is not supported`);
  }
  return options;
}

function readSwitch(options: Draft, name: string): boolean {
  if (name === 'restrict') {
    options.pty = false;
    options.forwarding = false;
  } else if (name === 'no-pty' || name === 'pty') options.pty = name === 'pty';
  else if (name === 'no-port-forwarding' || name === 'port-forwarding')
    options.forwarding = name === 'port-forwarding';
  else return withoutEffect.has(name);
  return true;
}

function readValue(options: Draft, name: string, value: string): boolean {
  if (name === 'from') options.from = [...options.from, ...value.split(',').map((part) => part.trim())];
  else if (name === 'command') options.command = value;
  else if (name === 'expiry-time') options.expiresAt = expiryOf(value);
  else if (name === 'permitopen') options.permitOpen = [...options.permitOpen, value];
  else if (name === 'permitlisten') options.permitListen = [...options.permitListen, value];
  else return false;
  return true;
}

function unquoted(name: string, value: string): string {
  const match = /^"((?:[^"\\]|\\.)*)"$/.exec(value);
  if (match?.[1] === undefined)
    throw new AuthorizedKeyError(`option ${name}: expected a value in double quotes`);
  return match[1].replaceAll('\\"', '"');
}

/** `YYYYMMDD[HHMM[SS]][Z]`, in UTC. */
function expiryOf(value: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/.exec(value);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (match ?? [])
    .slice(1)
    .map((part) => Number(part ?? 0));
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  const fits = new Date(time).getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (match === null || !fits || month < 1 || month > 12)
    throw new AuthorizedKeyError(
      `option expiry-time: expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, found ${JSON.stringify(value)}`,
    );
  return time;
}

function blobOf(type: string, base64: string): Uint8Array {
  const damaged = new AuthorizedKeyError(
    `the ${type} key is damaged or cut off; copy the whole line of the .pub file`,
  );
  if (!/^[A-Za-z0-9+/]+=*$/.test(base64)) throw damaged;
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) throw damaged;
  // The type, then its numbers, each with its length in front and nothing behind the last.
  let at = 0;
  while (at + 4 <= blob.length) at += 4 + blob.readUInt32BE(at);
  if (at !== blob.length || blob.length < 4 || blob.readUInt32BE(0) !== type.length) throw damaged;
  if (blob.toString('latin1', 4, 4 + type.length) !== type) throw damaged;
  return blob;
}
