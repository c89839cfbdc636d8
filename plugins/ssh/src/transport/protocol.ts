/**
 * The SSH transport and its messages, by the state machine inside the `ssh2` library. The library's own `Server` cannot
 * say why a channel is refused, does not wait for a slow reader of the byte stream, and lists signature algorithms that
 * alknet refuses; its `Protocol` can do all of it. This is the only file that touches what the library does not
 * document, and `test/library.test.ts` fails when that has changed.
 *
 * @module
 */

import { createPrivateKey, sign } from 'node:crypto';
import type { KeyPair } from '@alknet/sdk';
import librarysCrypto from 'ssh2/lib/protocol/crypto.js';
import Protocol from 'ssh2/lib/protocol/Protocol.js';
import { ed25519Blob } from '../keys/ed25519.ts';
import { ciphers, hostKeyType, keyExchange, macs, signatureAlgorithms } from './algorithms.ts';

export type { ChannelOpen, MessageHandlers, PublicKeyRequest } from 'ssh2/lib/protocol/Protocol.js';
export type { Protocol };

/** Waits for what the library loads for its ciphers; before any {@link makeProtocol}. */
export const ciphersReady: Promise<void> = librarysCrypto.init;

export interface HostKey {
  readonly type: string;
  getPublicSSH(): Buffer;
  sign(data: Buffer): Buffer;
}

/** DER in front of the 32 bytes of an Ed25519 private key, RFC 8410 7. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export function hostKeyOf({ privateKey, publicKey }: KeyPair): HostKey {
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, privateKey.subarray(0, 32)]),
    format: 'der',
    type: 'pkcs8',
  });
  const blob = ed25519Blob(publicKey);
  return { type: hostKeyType, getPublicSSH: () => blob, sign: (data) => sign(null, data, key) };
}

export interface ProtocolOptions {
  readonly hostKey: HostKey;
  /** Behind `SSH-2.0-`. */
  readonly ident: string;
  readonly banner: string | undefined;
  readonly handlers: Protocol.MessageHandlers;
  write(data: Buffer): void;
  failed(error: Error): void;
  /** A packet has come. */
  packet(): void;
  /** Keys have been exchanged, for the first time or again. */
  exchanged(): void;
}

export function makeProtocol(options: ProtocolOptions): Protocol {
  const direction = () => ({ cipher: [...ciphers], mac: [...macs], compress: ['none'], lang: [] });
  let first = true;
  const protocol: Protocol = new Protocol({
    server: true,
    hostKeys: { [hostKeyType]: options.hostKey },
    ident: Buffer.from(options.ident, 'latin1'),
    offer: { kex: [...keyExchange], serverHostKey: [hostKeyType], cs: direction(), sc: direction() },
    messageHandlers: options.handlers,
    onWrite: options.write,
    onError: options.failed,
    onHeader: () => {},
    onPacket: options.packet,
    onHandshakeComplete: () => {
      if (first && wantsExtensions) sendSignatureAlgorithms(protocol);
      first = false;
      options.exchanged();
    },
  });
  // The library would put an empty line behind a text that ends in a newline.
  if (options.banner !== undefined && options.banner !== '') protocol._banner = endedLine(options.banner);
  // The library would send a list of its own, with ssh-rsa and ssh-dss in it.
  let wantsExtensions = false;
  const complete = protocol._onHandshakeComplete;
  protocol._onHandshakeComplete = (negotiated) => {
    if (protocol._kex !== undefined) {
      wantsExtensions = protocol._kex.remoteExtInfoEnabled;
      protocol._kex.remoteExtInfoEnabled = false;
    }
    complete(negotiated);
  };
  return protocol;
}

const endedLine = (text: string) => (text.endsWith('\n') ? text : `${text}\r\n`);

/** Whether keys are being exchanged: what is sent now waits in memory. */
export function isExchanging(protocol: Protocol): boolean {
  return protocol._kexinit !== undefined;
}

/** SSH_MSG_EXT_INFO, the packet after the first NEWKEYS. RFC 8308 2.4. */
function sendSignatureAlgorithms(protocol: Protocol): void {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  };
  const payload = Buffer.concat([
    Buffer.from([7, 0, 0, 0, 1]),
    ...text('server-sig-algs'),
    ...text(signatureAlgorithms.join(',')),
  ]);
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  protocol._cipher.encrypt(write.finalize(packet));
}
