/**
 * The client's half of the handshake with a proxy, on a stream that leads to it: SOCKS5 (RFC 1928 with RFC 1929) or HTTP
 * CONNECT (RFC 9110 9.3.6). Names go to it unresolved. The stream is the caller's to open. `docs/spec/ssh.md` 7.7 and 8.2.
 *
 * @module
 */

import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ProxyAddress {
  readonly protocol: 'socks5' | 'http';
  readonly host: string;
  readonly port: number;
}

export interface ProxyCredentials {
  readonly user: string;
  readonly password: string;
}

/** @throws Error that says what a proxy's URL looks like, without what came: it may hold a password */
export function parseProxy(text: string): ProxyAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol === 'socks5:' ? 'socks5' : url?.protocol === 'http:' ? 'http' : undefined;
  if (
    url === undefined ||
    protocol === undefined ||
    url.hostname === '' ||
    (url.port === '' && protocol === 'socks5')
  )
    throw new Error('a proxy is written socks5://HOST:PORT or http://HOST:PORT');
  if (url.username !== '' || url.password !== '')
    throw new Error('a proxy has no user and password in its URL: name a secret as its credentials');
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '')
    throw new Error(
      'a proxy is written socks5://HOST:PORT or http://HOST:PORT, with nothing behind the port',
    );
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { protocol, host, port: url.port === '' ? 80 : Number(url.port) };
}

/** @throws Error for a text without a colon */
export function parseCredentials(text: string): ProxyCredentials {
  const colon = text.indexOf(':');
  if (colon < 0) throw new Error('the credentials of a proxy are written user:password');
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Bytes that a proxy may answer before the tunnel begins. */
const mostHeader = 8 * 1024;

/**
 * Asks the proxy at the other end of `stream` for a way to `host` and `port`; from then on the stream is that way. Destroy
 * the stream to give up.
 *
 * @throws Error without the target in its text; the stream is then of no use
 */
export async function tunnelThrough(
  stream: Duplex,
  protocol: ProxyAddress['protocol'],
  target: { readonly host: string; readonly port: number },
  credentials?: ProxyCredentials,
): Promise<void> {
  const reader = new Reader(stream);
  const handshake = protocol === 'socks5' ? socks5 : httpConnect;
  await handshake(stream, reader, target.host, target.port, credentials);
  reader.giveBack();
}

async function socks5(
  stream: Duplex,
  reader: Reader,
  host: string,
  port: number,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  stream.write(Buffer.from(credentials === undefined ? [5, 1, 0] : [5, 2, 0, 2]));
  const [version, method] = await reader.take(2);
  if (version !== 5) throw new Error('the proxy does not speak SOCKS5');
  if (method === 2 && credentials !== undefined) {
    const user = Buffer.from(credentials.user);
    const password = Buffer.from(credentials.password);
    if (user.length > 255 || password.length > 255)
      throw new Error('user and password of a SOCKS5 proxy are at most 255 bytes each');
    stream.write(
      Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]),
    );
    const [, status] = await reader.take(2);
    if (status !== 0) throw new Error('the proxy refused the credentials');
  } else if (method !== 0) throw new Error('the proxy asks for a method of login that is not on offer');
  stream.write(
    Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(host), Buffer.from([port >> 8, port & 255])]),
  );
  const [, code, , type] = await reader.take(4);
  if (code !== 0) throw new Error(`the proxy refused: SOCKS5 reply ${code}`);
  const length = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? ((await reader.take(1))[0] ?? 0) : undefined;
  if (length === undefined) throw new Error('the proxy answered with an unknown type of address');
  await reader.take(length + 2);
}

function socksAddress(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)]);
  if (isIPv6(host)) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host)]);
  const name = Buffer.from(host);
  if (name.length === 0 || name.length > 255) throw new Error('a name for a SOCKS5 proxy is 1 to 255 bytes');
  return Buffer.concat([Buffer.from([3, name.length]), name]);
}

function ipv6Bytes(text: string): Buffer {
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const [head = '', tail] = address.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  });
  return bytes;
}

async function httpConnect(
  stream: Duplex,
  reader: Reader,
  host: string,
  port: number,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const login =
    credentials === undefined
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}\r\n`;
  stream.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`);
  const header = (await reader.takeThrough('\r\n\r\n')).toString('latin1');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(header)?.[1];
  if (status === undefined) throw new Error('the proxy does not speak HTTP');
  if (!status.startsWith('2')) throw new Error(`the proxy refused: HTTP ${status}`);
}

/** Reads a stream in pieces of known length or end, and puts back what came too early. */
class Reader {
  readonly #stream: Duplex;
  #bytes: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onEnd);
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) await this.#more();
    return this.#split(length);
  }

  async takeThrough(mark: string): Promise<Buffer> {
    for (;;) {
      const at = this.#bytes.indexOf(mark);
      if (at >= 0 && at + mark.length <= mostHeader) return this.#split(at + mark.length);
      if (this.#bytes.length >= mostHeader) throw new Error('the proxy answered with too long a header');
      await this.#more();
    }
  }

  giveBack(): void {
    const stream = this.#stream;
    stream
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onEnd);
    stream.pause();
    if (this.#bytes.length > 0) stream.unshift(this.#bytes);
  }

  #split(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  #more(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
    });
  }

  readonly #onData = (chunk: Buffer) => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#wake?.();
  };
  readonly #onEnd = () => {
    this.#failure ??= new Error('the proxy closed the connection');
    this.#wake?.();
  };
  readonly #onError = (error: NodeJS.ErrnoException) => {
    // The text of the system's error has an address in it; the code has not.
    this.#failure ??= new Error(`the proxy cannot be reached: ${error.code ?? 'connection failed'}`);
    this.#wake?.();
  };
}
