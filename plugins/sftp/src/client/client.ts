/**
 * A client of SFTP version 3 on any byte stream. Requests go out without waiting for one another; each answer finds its
 * request by id. `docs/spec/sftp.md` 9.
 *
 * @example
 * const client = await SftpClient.begin(await connection.openStream());
 * for (const { name } of await client.list('.')) console.log(name.toString());
 * await client.end();
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import {
  type Attributes,
  decodePacket,
  encodePacket,
  FrameDecoder,
  type Name,
  OpenFlag,
  type Packet,
  PacketType,
  readLimits,
  StatusCode,
  writePathAttributes,
  writeString,
  writeTwoStrings,
} from '../codec/index.ts';

/** What the server answered in place of a result. */
export class SftpError extends Error {
  override readonly name = 'SftpError';
  /** `docs/spec/sftp.md` 3; `NO_CONNECTION` and `CONNECTION_LOST` are the client's own. */
  readonly code: number;
  /** What the request named, where it named one; the first of two. */
  readonly path: string | undefined;

  constructor(code: number, message: string, path?: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

/** A packet before it has an id. */
type Unnumbered<Of> = Of extends { readonly id: number } ? Omit<Of, 'id'> : never;
export type Request = Unnumbered<Packet>;

interface Waiting {
  resolve(packet: Packet): void;
  reject(error: Error): void;
}

export type PathLike = string | Buffer;
const bytes = (path: PathLike): Buffer => (typeof path === 'string' ? Buffer.from(path) : path);

function pathOf(request: Request): Buffer | undefined {
  if ('path' in request) return request.path;
  if ('oldPath' in request) return request.oldPath;
  return 'linkPath' in request ? request.linkPath : undefined;
}

const none = Buffer.alloc(0);
/** Bytes of a frame: the answers of a server that has other limits than ours. */
const maxPacket = 1 << 20;
/** Bytes that every server takes and gives in one request. */
const safeLength = 32_768;
/** Bytes of a request's frame beside its data, with a handle of any length. */
const overhead = 1024;
/** Larger ones are of no more use. */
const largestLength = 261_120;

export class SftpClient {
  readonly #stream: Duplex;
  readonly #frames = new FrameDecoder(maxPacket);
  readonly #waiting = new Map<number, Waiting>();
  readonly #extensions = new Map<string, string>();
  #greeting: Waiting | undefined;
  #lost: SftpError | undefined;
  #id = 0;
  /** Bytes of data in one READ. */
  maxRead = safeLength;
  /** Bytes of data in one WRITE. */
  maxWrite = safeLength;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', (error) => this.#lose(error.message));
    stream.on('end', () => this.#lose('the server ended the session'));
    stream.on('close', () => this.#lose('the stream is closed'));
  }

  /** Greets, and asks for the server's limits. @throws SftpError */
  static async begin(stream: Duplex): Promise<SftpClient> {
    const client = new SftpClient(stream);
    const answer = await new Promise<Packet>((resolve, reject) => {
      client.#greeting = { resolve, reject };
      stream.write(encodePacket({ type: PacketType.INIT, version: 3, extensions: [] }));
    });
    if (answer.type !== PacketType.VERSION || answer.version !== 3)
      throw client.#lose(`expected VERSION 3, received packet ${answer.type}`);
    for (const [name, data] of answer.extensions) client.#extensions.set(name.toString(), data.toString());
    await client.#askLimits();
    return client;
  }

  /** Name to data, as the server offered them. */
  get extensions(): ReadonlyMap<string, string> {
    return this.#extensions;
  }

  async #askLimits(): Promise<void> {
    if (!this.#extensions.has('limits@openssh.com')) return;
    const limits = readLimits(await this.extended('limits@openssh.com', none));
    const fitting = (offered: bigint) =>
      Math.min(Number(offered), Number(limits.maxPacket) - overhead, largestLength);
    if (limits.maxRead > 0n) this.maxRead = fitting(limits.maxRead);
    if (limits.maxWrite > 0n) this.maxWrite = fitting(limits.maxWrite);
  }

  /** The answer to a request, whatever it is. @throws SftpError for a STATUS that is not OK, and without connection */
  async request(request: Request): Promise<Packet> {
    if (this.#lost !== undefined) throw this.#lost;
    const id = this.#id;
    this.#id = (id + 1) >>> 0;
    const answer = await new Promise<Packet>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#stream.write(encodePacket(numbered(request, id)));
    });
    if (answer.type === PacketType.STATUS && answer.code !== StatusCode.OK)
      throw new SftpError(answer.code, answer.message.toString(), pathOf(request)?.toString());
    return answer;
  }

  /** Data of an extended request's reply; none when it was a mere OK. */
  async extended(name: string, data: Buffer): Promise<Buffer> {
    const request = Buffer.from(name);
    const answer = await this.request({ type: PacketType.EXTENDED, request, data });
    return answer.type === PacketType.EXTENDED_REPLY ? answer.data : none;
  }

  async open(path: PathLike, flags: number, attributes: Attributes = {}): Promise<Buffer> {
    const answer = await this.request({ type: PacketType.OPEN, path: bytes(path), flags, attributes });
    if (answer.type !== PacketType.HANDLE) throw unexpected(answer);
    return answer.handle;
  }

  async openDirectory(path: PathLike): Promise<Buffer> {
    const answer = await this.request({ type: PacketType.OPENDIR, path: bytes(path) });
    if (answer.type !== PacketType.HANDLE) throw unexpected(answer);
    return answer.handle;
  }

  async close(handle: Buffer): Promise<void> {
    await this.request({ type: PacketType.CLOSE, handle });
  }

  /** At most `length` bytes; nothing at the end of the file. */
  async read(handle: Buffer, offset: number, length: number): Promise<Buffer | undefined> {
    try {
      const answer = await this.request({ type: PacketType.READ, handle, offset: BigInt(offset), length });
      if (answer.type !== PacketType.DATA) throw unexpected(answer);
      return answer.data;
    } catch (error) {
      if (error instanceof SftpError && error.code === StatusCode.EOF) return undefined;
      throw error;
    }
  }

  async write(handle: Buffer, offset: number, data: Buffer): Promise<void> {
    await this.request({ type: PacketType.WRITE, handle, offset: BigInt(offset), data });
  }

  stat = (path: PathLike) => this.#attributes({ type: PacketType.STAT, path: bytes(path) });
  lstat = (path: PathLike) => this.#attributes({ type: PacketType.LSTAT, path: bytes(path) });
  fstat = (handle: Buffer) => this.#attributes({ type: PacketType.FSTAT, handle });

  async #attributes(request: Request): Promise<Attributes> {
    const answer = await this.request(request);
    if (answer.type !== PacketType.ATTRS) throw unexpected(answer);
    return answer.attributes;
  }

  async setAttributes(path: PathLike, attributes: Attributes): Promise<void> {
    await this.request({ type: PacketType.SETSTAT, path: bytes(path), attributes });
  }

  async setAttributesOfLink(path: PathLike, attributes: Attributes): Promise<void> {
    await this.extended('lsetstat@openssh.com', writePathAttributes(bytes(path), attributes));
  }

  /** Every entry but `.` and `..`. */
  async list(path: PathLike): Promise<Name[]> {
    const handle = await this.openDirectory(path);
    try {
      const all: Name[] = [];
      for (;;) {
        const some = await this.readDirectory(handle);
        if (some === undefined) return all;
        all.push(...some.filter(({ name }) => !['.', '..'].includes(name.toString('latin1'))));
      }
    } finally {
      await this.close(handle);
    }
  }

  /** Some entries; nothing after the last. */
  async readDirectory(handle: Buffer): Promise<readonly Name[] | undefined> {
    try {
      const answer = await this.request({ type: PacketType.READDIR, handle });
      if (answer.type !== PacketType.NAME) throw unexpected(answer);
      return answer.names;
    } catch (error) {
      if (error instanceof SftpError && error.code === StatusCode.EOF) return undefined;
      throw error;
    }
  }

  async remove(path: PathLike): Promise<void> {
    await this.request({ type: PacketType.REMOVE, path: bytes(path) });
  }

  async makeDirectory(path: PathLike, attributes: Attributes = {}): Promise<void> {
    await this.request({ type: PacketType.MKDIR, path: bytes(path), attributes });
  }

  async removeDirectory(path: PathLike): Promise<void> {
    await this.request({ type: PacketType.RMDIR, path: bytes(path) });
  }

  /** Fails when something stands at `to`. */
  async rename(from: PathLike, to: PathLike): Promise<void> {
    await this.request({ type: PacketType.RENAME, oldPath: bytes(from), newPath: bytes(to) });
  }

  /** Takes the place of what stands at `to`. */
  async replace(from: PathLike, to: PathLike): Promise<void> {
    await this.extended('posix-rename@openssh.com', writeTwoStrings(bytes(from), bytes(to)));
  }

  async makeHardLink(from: PathLike, to: PathLike): Promise<void> {
    await this.extended('hardlink@openssh.com', writeTwoStrings(bytes(from), bytes(to)));
  }

  async makeLink(target: PathLike, path: PathLike): Promise<void> {
    await this.request({ type: PacketType.SYMLINK, target: bytes(target), linkPath: bytes(path) });
  }

  async sync(handle: Buffer): Promise<void> {
    await this.extended('fsync@openssh.com', writeString(handle));
  }

  realPath = (path: PathLike) => this.#path({ type: PacketType.REALPATH, path: bytes(path) });
  readLink = (path: PathLike) => this.#path({ type: PacketType.READLINK, path: bytes(path) });

  async #path(request: Request): Promise<Buffer> {
    const answer = await this.request(request);
    const found = answer.type === PacketType.NAME ? answer.names[0] : undefined;
    if (found === undefined) throw unexpected(answer);
    return found.name;
  }

  /** Ends the session, and waits until the server has. */
  async end(): Promise<void> {
    if (this.#lost !== undefined || this.#stream.destroyed) return;
    const over = new Promise<void>((resolve) => this.#stream.once('end', resolve).once('close', resolve));
    this.#stream.end();
    await over;
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#answer(frame);
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
      this.#stream.destroy();
    }
  }

  #answer(frame: Buffer): void {
    const packet = decodePacket(frame);
    if (packet.type === 'unknown') throw new SftpError(StatusCode.BAD_MESSAGE, 'an unknown packet');
    const waiting = 'id' in packet ? this.#waiting.get(packet.id) : this.#greeting;
    if (waiting === undefined)
      throw new SftpError(StatusCode.BAD_MESSAGE, 'the server answered what was not asked');
    if ('id' in packet) this.#waiting.delete(packet.id);
    else this.#greeting = undefined;
    waiting.resolve(packet);
  }

  #lose(reason: string): SftpError {
    this.#lost ??= new SftpError(StatusCode.CONNECTION_LOST, `connection lost: ${reason}`);
    this.#greeting?.reject(this.#lost);
    this.#greeting = undefined;
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
    return this.#lost;
  }
}

/** TypeScript does not see that the parts make the whole: the members of a union are spread one by one. */
function numbered(request: Request, id: number): Packet {
  return { ...request, id } as Packet;
}

function unexpected(answer: Packet): SftpError {
  return new SftpError(StatusCode.BAD_MESSAGE, `the server answered with packet ${answer.type}`);
}

export { OpenFlag };
