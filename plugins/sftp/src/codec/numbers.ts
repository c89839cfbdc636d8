/**
 * The numbers of SFTP version 3. `docs/spec/sftp.md` 3; draft-ietf-secsh-filexfer-02.
 *
 * @module
 */

export const PacketType = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

export const StatusCode = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  /** Only of the client's own making, as the next. */
  NO_CONNECTION: 6,
  CONNECTION_LOST: 7,
  OP_UNSUPPORTED: 8,
} as const;

export const OpenFlag = { READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32 } as const;

/** Which members of ATTRS are there. */
export const AttributeFlag = {
  SIZE: 0x1,
  OWNER: 0x2,
  PERMISSIONS: 0x4,
  TIMES: 0x8,
  EXTENDED: 0x80000000,
} as const;

/** Bytes of a frame's type and body. */
export const defaultMaxPacket = 262_144;
/** Bytes of one READ's answer, and of one WRITE's data. */
export const maxData = 261_120;
/** Bytes of a handle. */
export const maxHandle = 256;
