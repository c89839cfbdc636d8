/**
 * What the endpoint must know of a ClientHello before TLS begins: server name and ALPN list (`docs/spec/endpoint.md`
 * 2.4, RFC 8446 4.1.2), and whether it takes the identity certificate. Pure, bounded by its input, and strict: whatever a TLS stack would refuse may be refused here.
 *
 * @module
 */

import type { ClientHello } from './engine.ts';

/** Bytes of one handshake message; more ends the attempt. */
export const maxClientHello = 64 * 1024;

/** The bytes are no ClientHello. Only ever logged at debug: they come from anybody. */
export class ClientHelloError extends Error {
  override readonly name = 'ClientHelloError';
}

const clientHelloType = 1;
const serverNameExtension = 0;
const signatureAlgorithmsExtension = 13;
const alpnExtension = 16;
/** RFC 8446 4.2.3. */
const ed25519Scheme = 0x0807;

/** A cursor that never reads past its end. */
class Reader {
  private readonly bytes: Uint8Array;
  private offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.offset === this.bytes.length;
  }

  take(length: number, what: string): Uint8Array {
    const end = this.offset + length;
    if (end > this.bytes.length) {
      throw new ClientHelloError(
        `ClientHello: ${what} needs ${length} bytes, ${this.bytes.length - this.offset} are left`,
      );
    }
    const taken = this.bytes.subarray(this.offset, end);
    this.offset = end;
    return taken;
  }

  /** Big-endian, of 1 to 3 bytes. */
  integer(width: number, what: string): number {
    return this.take(width, what).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** A vector of RFC 8446 3.4: its length in `width` bytes, then that many. */
  vector(width: number, what: string): Reader {
    return new Reader(this.take(this.integer(width, what), what));
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length - this.offset, 'rest');
  }
}

/**
 * Reads one whole handshake message: type, 24-bit length, body.
 *
 * @throws ClientHelloError
 */
export function parseClientHello(message: Uint8Array): ClientHello {
  const handshake = new Reader(message);
  const type = handshake.integer(1, 'message type');
  if (type !== clientHelloType)
    throw new ClientHelloError(`expected a ClientHello (1), got handshake message ${type}`);
  const body = handshake.vector(3, 'body');
  if (!handshake.done) throw new ClientHelloError('ClientHello: bytes after its end');

  body.take(2, 'legacy_version');
  body.take(32, 'random');
  body.vector(1, 'legacy_session_id');
  body.vector(2, 'cipher_suites');
  body.vector(1, 'legacy_compression_methods');

  let serverName: string | null = null;
  let alpns: readonly string[] = [];
  let lacksEd25519 = false;
  if (!body.done) {
    const extensions = body.vector(2, 'extensions');
    if (!body.done) throw new ClientHelloError('ClientHello: bytes after the extensions');
    const seen = new Set<number>();
    while (!extensions.done) {
      const extension = extensions.integer(2, 'extension type');
      const data = extensions.vector(2, 'extension data');
      if (seen.has(extension)) throw new ClientHelloError(`ClientHello: extension ${extension} stands twice`);
      seen.add(extension);
      if (extension === serverNameExtension) serverName = readServerName(data);
      else if (extension === alpnExtension) alpns = readAlpns(data);
      else if (extension === signatureAlgorithmsExtension) lacksEd25519 = !names(data, ed25519Scheme);
    }
  }
  return { serverName, alpns, ...(lacksEd25519 ? { lacksEd25519 } : {}) };
}

/** Whether the list of RFC 8446 4.2.3 has that scheme. */
function names(data: Reader, scheme: number): boolean {
  const list = data.vector(2, 'signature_algorithms list');
  if (!data.done || list.done) throw new ClientHelloError('ClientHello: malformed signature_algorithms');
  let found = false;
  while (!list.done) if (list.integer(2, 'signature scheme') === scheme) found = true;
  return found;
}

/** RFC 6066 3: a list in which only one `host_name` may stand. Names compare without case, so they are lowered here. */
function readServerName(data: Reader): string | null {
  const list = data.vector(2, 'server_name list');
  if (!data.done || list.done) throw new ClientHelloError('ClientHello: malformed server_name');
  let name: string | null = null;
  while (!list.done) {
    const kind = list.integer(1, 'server name type');
    const value = list.vector(2, 'server name').rest();
    if (kind !== 0) continue;
    if (name !== null) throw new ClientHelloError('ClientHello: two host names');
    if (value.length === 0 || value.length > 255 || value.some((byte) => byte <= 0x20 || byte > 0x7e)) {
      throw new ClientHelloError('ClientHello: the host name is not 1 to 255 visible ASCII characters');
    }
    name = latin1(value).toLowerCase();
  }
  return name;
}

/** RFC 7301 3.1. Names are bytes; latin1 keeps each apart from every other. */
function readAlpns(data: Reader): readonly string[] {
  const list = data.vector(2, 'ALPN list');
  if (!data.done || list.done) throw new ClientHelloError('ClientHello: malformed ALPN list');
  const names: string[] = [];
  while (!list.done) {
    const name = list.vector(1, 'ALPN name').rest();
    if (name.length === 0) throw new ClientHelloError('ClientHello: empty ALPN name');
    names.push(latin1(name));
  }
  return names;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const handshakeRecord = 22;
const recordHeader = 5;
const maxRecord = 16_384;

/** Bytes read from a connection for one ClientHello, record headers included: room for any sane fragmentation. */
const maxReceived = 2 * maxClientHello;

/** Appended to in linear time, however small the pieces. */
class GrowingBytes {
  private bytes = new Uint8Array(1024);
  private length = 0;

  append(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.bytes.length));
      grown.set(this.view());
      this.bytes = grown;
    }
    this.bytes.set(chunk, this.length);
    this.length = length;
  }

  /** What has been appended; good until the next append. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/**
 * Puts a ClientHello together from the TLS records of a TCP connection (RFC 8446 5.1), and keeps every byte that was
 * fed, because the TLS stack must read them again.
 */
export class ClientHelloRecords {
  private readonly all = new GrowingBytes();
  private readonly message = new GrowingBytes();
  /** Where the first record begins that has not been taken yet. */
  private at = 0;

  /** All that was fed so far. */
  get received(): Uint8Array {
    return this.all.view();
  }

  /**
   * The whole message once it is complete.
   *
   * @throws ClientHelloError when it cannot become one.
   */
  feed(chunk: Uint8Array): Uint8Array | undefined {
    this.all.append(chunk);
    const bytes = this.received;
    if (bytes.length > maxReceived) throw new ClientHelloError(`no ClientHello within ${maxReceived} bytes`);
    while (this.at < bytes.length) {
      const [type, major, , high = 0, low = 0] = bytes.subarray(this.at);
      // The first byte already tells a client that speaks something else; do not wait for more.
      if (type !== handshakeRecord) {
        throw new ClientHelloError(`expected a TLS handshake record (22), got a first byte of ${type}`);
      }
      const start = this.at + recordHeader;
      if (start > bytes.length) return undefined;
      if (major !== 3) throw new ClientHelloError(`expected a TLS record of version 3.x, got ${major}.x`);
      const length = high * 256 + low;
      if (length === 0 || length > maxRecord) throw new ClientHelloError(`TLS record of ${length} bytes`);
      if (start + length > bytes.length) return undefined;
      this.message.append(bytes.subarray(start, start + length));
      this.at = start + length;
      const message = wholeMessage(this.message.view());
      if (message !== undefined) return message;
    }
    return undefined;
  }
}

function wholeMessage(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 4) return undefined;
  const [type, high = 0, middle = 0, low = 0] = bytes;
  if (type !== clientHelloType)
    throw new ClientHelloError(`expected a ClientHello (1), got handshake message ${type}`);
  const length = 4 + high * 65_536 + middle * 256 + low;
  if (length > maxClientHello) {
    throw new ClientHelloError(`ClientHello of ${length} bytes; at most ${maxClientHello} are read`);
  }
  return bytes.length < length ? undefined : bytes.subarray(0, length);
}
