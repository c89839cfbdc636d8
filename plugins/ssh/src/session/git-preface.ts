/**
 * The first pkt-line of a git connection, which names service and repository. `docs/spec/ssh.md` 5,
 * gitprotocol-pack(5), "Git Transport".
 *
 * @module
 */

export interface GitCall {
  readonly service: string;
  readonly path: string;
}

export function gitPreface({ service, path }: GitCall, protocol: string | undefined): Buffer {
  const parts =
    protocol === undefined
      ? ''
      : `\0${protocol
          .split(':')
          .map((part) => `${part}\0`)
          .join('')}`;
  const line = Buffer.from(`${service} ${path}\0${parts}`);
  // Four hex digits of the length, themselves included.
  return Buffer.concat([Buffer.from((line.length + 4).toString(16).padStart(4, '0')), line]);
}
