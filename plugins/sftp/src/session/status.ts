/**
 * What a request that fails is answered. The texts are fixed: none holds a path of the host. `docs/spec/sftp.md` 7.
 *
 * @module
 */

import { MalformedPacket, StatusCode } from '../codec/index.ts';

type Code = (typeof StatusCode)[keyof typeof StatusCode];

const texts: Readonly<Record<Code, string>> = {
  [StatusCode.OK]: 'success',
  [StatusCode.EOF]: 'end of file',
  [StatusCode.NO_SUCH_FILE]: 'no such file',
  [StatusCode.PERMISSION_DENIED]: 'permission denied',
  [StatusCode.FAILURE]: 'failure',
  [StatusCode.BAD_MESSAGE]: 'bad message',
  [StatusCode.NO_CONNECTION]: 'no connection',
  [StatusCode.CONNECTION_LOST]: 'connection lost',
  [StatusCode.OP_UNSUPPORTED]: 'operation unsupported',
};

/** Ends a request with a status. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: Code;

  constructor(code: Code, message: string = texts[code]) {
    super(message);
    this.code = code;
  }
}

export const denied = () => new StatusError(StatusCode.PERMISSION_DENIED);
export const endOfFile = () => new StatusError(StatusCode.EOF);
export const badMessage = () => new StatusError(StatusCode.BAD_MESSAGE);
export const unsupported = () => new StatusError(StatusCode.OP_UNSUPPORTED);
export const noSuchFile = () => new StatusError(StatusCode.NO_SUCH_FILE);
export const failure = (message?: string) => new StatusError(StatusCode.FAILURE, message);

const bySystemCode: Readonly<Record<string, () => StatusError>> = {
  ENOENT: noSuchFile,
  ENOTDIR: noSuchFile,
  ENAMETOOLONG: noSuchFile,
  EACCES: denied,
  EPERM: denied,
  EROFS: denied,
  EINVAL: badMessage,
  ENOSYS: unsupported,
  EOPNOTSUPP: unsupported,
  ENOTSUP: unsupported,
  EEXIST: () => failure('file exists'),
  ENOTEMPTY: () => failure('directory not empty'),
  ENOSPC: () => failure('no space left'),
  EDQUOT: () => failure('no space left'),
  EMFILE: () => failure('too many open handles'),
  ENFILE: () => failure('too many open handles'),
};

/** The status for whatever was thrown. */
export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof MalformedPacket) return badMessage();
  const { code } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : bySystemCode[code]?.()) ?? failure();
}

/** Whether it is an error of a system call, and so no defect of the program. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
