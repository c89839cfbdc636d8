/**
 * The server's half of a SOCKS5 handshake, without I/O: bytes in, bytes to answer and at last a request out. RFC 1928,
 * RFC 1929, `docs/spec/ssh.md` 8.4.
 *
 * @module
 */

import { parseAddress } from '../forward/address.ts';

/** RFC 1928 6, those that are used. */
export const Reply = {
  SUCCEEDED: 0,
  GENERAL_FAILURE: 1,
  NOT_ALLOWED: 2,
  HOST_UNREACHABLE: 4,
  CONNECTION_REFUSED: 5,
  COMMAND_NOT_SUPPORTED: 7,
  ADDRESS_TYPE_NOT_SUPPORTED: 8,
} as const;
export type ReplyCode = (typeof Reply)[keyof typeof Reply];

/** A reply with the bound address 0.0.0.0:0: where the far side connects from is not told. */
export function reply(code: ReplyCode): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

export type Checked = (user: string, password: string) => boolean;

export type Step =
  /** More bytes are needed; `answer` is to be sent now. */
  | { readonly kind: 'more'; readonly answer?: Buffer }
  /** Send the answer, if there is one, and close. */
  | { readonly kind: 'close'; readonly answer?: Buffer }
  /** What the client asks for, with the answer to what came before it; `early` are bytes that came behind it. */
  | {
      readonly kind: 'connect';
      readonly answer?: Buffer;
      readonly host: string;
      readonly port: number;
      readonly early: Buffer;
    };

const noAuthentication = 0;
const userAndPassword = 2;
const noneAcceptable = 0xff;

/** A handshake is at most 2 + 255 + 513 + 262 bytes; a client that sends no end of it is closed long before more. */
const mostBytes = 2048;

export class Socks5Handshake {
  readonly #checked: Checked | undefined;
  #state: 'greeting' | 'password' | 'request' = 'greeting';
  #bytes: Buffer = Buffer.alloc(0);

  /** @param checked compares a user's password; without it no user is asked for */
  constructor(checked?: Checked) {
    this.#checked = checked;
  }

  /** Takes bytes as they come, in any split. */
  push(chunk: Buffer): Step {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const answers: Buffer[] = [];
    for (;;) {
      const step = this.#step();
      if (step === undefined) {
        if (this.#bytes.length > mostBytes) return { kind: 'close' };
        return { kind: 'more', ...joined(answers) };
      }
      if (step.kind === 'more') {
        if (step.answer) answers.push(step.answer);
        continue;
      }
      if (step.kind === 'connect') return { ...step, ...joined(answers) };
      if (step.answer) answers.push(step.answer);
      return { kind: 'close', ...joined(answers) };
    }
  }

  /** One message, or nothing when it has not come whole. */
  #step(): Step | undefined {
    switch (this.#state) {
      case 'greeting':
        return this.#greeting();
      case 'password':
        return this.#password();
      case 'request':
        return this.#request();
    }
  }

  #greeting(): Step | undefined {
    // A browser that was lured here speaks HTTP: it gets no byte to read anything into.
    if (this.#bytes[0] !== undefined && this.#bytes[0] !== 5) return { kind: 'close' };
    const count = this.#bytes[1];
    if (count === undefined || this.#bytes.length < 2 + count) return undefined;
    const methods = this.#take(2 + count).subarray(2);
    const wanted = this.#checked === undefined ? noAuthentication : userAndPassword;
    if (!methods.includes(wanted)) return { kind: 'close', answer: Buffer.from([5, noneAcceptable]) };
    this.#state = this.#checked === undefined ? 'request' : 'password';
    return { kind: 'more', answer: Buffer.from([5, wanted]) };
  }

  #password(): Step | undefined {
    if (this.#bytes[0] !== undefined && this.#bytes[0] !== 1) return { kind: 'close' };
    const userLength = this.#bytes[1];
    const passwordLength = userLength === undefined ? undefined : this.#bytes[2 + userLength];
    if (userLength === undefined || passwordLength === undefined) return undefined;
    const length = 3 + userLength + passwordLength;
    if (this.#bytes.length < length) return undefined;
    const message = this.#take(length);
    const user = message.toString('utf8', 2, 2 + userLength);
    const password = message.toString('utf8', 3 + userLength);
    if (this.#checked?.(user, password) !== true) return { kind: 'close', answer: Buffer.from([1, 1]) };
    this.#state = 'request';
    return { kind: 'more', answer: Buffer.from([1, 0]) };
  }

  #request(): Step | undefined {
    const [version, command, , type, first] = this.#bytes;
    if (version !== undefined && version !== 5) return { kind: 'close' };
    if (type === undefined) return undefined;
    if (command !== 1) return { kind: 'close', answer: reply(Reply.COMMAND_NOT_SUPPORTED) };
    const hostLength = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? first : 0;
    if (hostLength === 0 && type !== 3)
      return { kind: 'close', answer: reply(Reply.ADDRESS_TYPE_NOT_SUPPORTED) };
    if (hostLength === undefined) return undefined;
    const start = type === 3 ? 5 : 4;
    const length = start + hostLength + 2;
    if (this.#bytes.length < length) return undefined;
    const message = this.#take(length);
    const bytes = message.subarray(start, start + hostLength);
    const host = type === 1 ? bytes.join('.') : type === 4 ? ipv6(bytes) : name(bytes);
    const port = message.readUInt16BE(length - 2);
    if (host === undefined || port === 0) return { kind: 'close', answer: reply(Reply.GENERAL_FAILURE) };
    return { kind: 'connect', host, port, early: this.#bytes };
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

function joined(answers: readonly Buffer[]): { answer?: Buffer } {
  return answers.length === 0 ? {} : { answer: Buffer.concat(answers) };
}

function ipv6(bytes: Buffer): string | undefined {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return parseAddress(groups.join(':'))?.text;
}

/** Names go on unresolved, and only those that could be sent on as text. */
function name(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  return /^[\x21-\x7e]{1,255}$/.test(text) ? text : undefined;
}
