/**
 * The log lines of `docs/spec/ssh.md` 9. A whole line is the event, in the form that filters of other programs look for,
 * whatever the format of the log is. No text of a peer can end a field or a line.
 *
 * @module
 */

import type { Log, RemoteAddress } from '@alknet/sdk';

export type Via = 'quic' | 'tls' | 'iroh' | 'tcp' | 'dispatch';

export type Denied =
  | 'shell'
  | 'exec'
  | 'sftp'
  | 'git'
  | 'connect'
  | 'listen'
  | 'pty'
  | 'env'
  | 'x11'
  | 'agent';

export interface AuthLine {
  readonly result: 'accept' | 'reject';
  readonly remote: RemoteAddress | null;
  readonly user: string;
  readonly method: string;
  /** Normal form, or `-`. */
  readonly key: string;
  readonly peer: string | undefined;
  readonly reason: string;
}

/** In double quotes; what is outside 0x20–0x7E as `\xNN`, byte by byte. */
export function quoted(text: string): string {
  let line = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const c = String.fromCharCode(byte);
    if (c === '"' || c === '\\') line += `\\${c}`;
    else if (byte >= 0x20 && byte <= 0x7e) line += c;
    else line += `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return `"${line}"`;
}

const addressOf = (remote: RemoteAddress | null) => remote?.address ?? '-';
const portOf = (remote: RemoteAddress | null) => remote?.port ?? '-';
/** A peer id holds nothing that would have to be quoted; `ssh:` and a principal may. */
const peerOf = (peer: string | undefined) =>
  peer === undefined ? '-' : /^[A-Za-z0-9._:@-]+$/.test(peer) ? peer : quoted(peer);

export class SshLog {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  opened(remote: RemoteAddress | null, via: Via): void {
    this.#log.info(`ssh open addr=${addressOf(remote)} port=${portOf(remote)} via=${via}`);
  }

  refused(remote: RemoteAddress | null, reason: string): void {
    this.#log.notice(`ssh reject addr=${addressOf(remote)} reason=${reason}`);
  }

  auth({ result, remote, user, method, key, peer, reason }: AuthLine): void {
    const word = /^[a-z0-9-]{1,32}$/.test(method) ? method : quoted(method.slice(0, 64));
    this.#log.notice(
      `ssh auth result=${result} addr=${addressOf(remote)} port=${portOf(remote)} user=${quoted(user.slice(0, 255))} method=${word} key=${key} peer=${peerOf(peer)} reason=${reason}`,
    );
  }

  closed(remote: RemoteAddress | null, peer: string | undefined, seconds: number, reason: string): void {
    this.#log.info(
      `ssh close addr=${addressOf(remote)} port=${portOf(remote)} peer=${peerOf(peer)} duration=${seconds.toFixed(3)} reason=${reason}`,
    );
  }

  denied(remote: RemoteAddress | null, peer: string, what: Denied): void {
    this.#log.notice(`ssh denied addr=${addressOf(remote)} peer=${peerOf(peer)} what=${what}`);
  }
}
