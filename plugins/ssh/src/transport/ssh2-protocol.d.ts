/** The parts of the `ssh2` library that it does not declare, as `protocol.ts` uses them. */

declare module 'ssh2/lib/protocol/Protocol.js' {
  interface Negotiated {
    readonly kex: string;
  }

  interface PublicKeyRequest {
    /** With `rsa-sha2-*` it is `ssh-rsa`, and `hashAlgo` tells the rest. */
    readonly keyAlgo: string;
    readonly key: Buffer;
    readonly hashAlgo?: string;
    /** Absent in a query. */
    readonly signature?: Buffer;
    /** What was signed: session id and request. */
    readonly blob?: Buffer;
  }

  interface ChannelOpen {
    readonly type: string;
    readonly sender: number;
    readonly window: number;
    readonly packetSize: number;
    readonly data: unknown;
  }

  /** Called as messages come in. A text that is cut off is `undefined`, what stands behind it may be there. */
  interface MessageHandlers {
    DISCONNECT(protocol: Protocol, reason: number, description: string): void;
    SERVICE_REQUEST(protocol: Protocol, service: string | undefined): void;
    USERAUTH_REQUEST(
      protocol: Protocol,
      user: string | undefined,
      service: string | undefined,
      method: string | undefined,
      data: PublicKeyRequest | null,
    ): void;
    GLOBAL_REQUEST(protocol: Protocol, name: string | undefined, wantReply: boolean, data: unknown): void;
    CHANNEL_OPEN(
      protocol: Protocol,
      open: { readonly [Member in keyof ChannelOpen]: ChannelOpen[Member] | undefined },
    ): void;
    CHANNEL_OPEN_CONFIRMATION(
      protocol: Protocol,
      info: {
        readonly recipient: number;
        readonly sender: number;
        readonly window: number;
        readonly packetSize: number;
      },
    ): void;
    CHANNEL_OPEN_FAILURE(protocol: Protocol, recipient: number, reason: number, description: string): void;
    CHANNEL_WINDOW_ADJUST(protocol: Protocol, recipient: number, bytes: number): void;
    CHANNEL_DATA(protocol: Protocol, recipient: number, data: Buffer): void;
    CHANNEL_EXTENDED_DATA(protocol: Protocol, recipient: number, data: Buffer, type: number): void;
    CHANNEL_EOF(protocol: Protocol, recipient: number): void;
    CHANNEL_CLOSE(protocol: Protocol, recipient: number): void;
    CHANNEL_REQUEST(
      protocol: Protocol,
      recipient: number,
      type: string | undefined,
      wantReply: boolean,
      data: unknown,
    ): void;
  }

  interface ProtocolConfig {
    readonly server: true;
    readonly hostKeys: Readonly<
      Record<
        string,
        {
          readonly type: string;
          getPublicSSH(): Buffer;
          sign(data: Buffer): Buffer | Error;
        }
      >
    >;
    readonly ident: Buffer;
    readonly offer: {
      kex: string[];
      serverHostKey: string[];
      cs: Record<'cipher' | 'mac' | 'compress' | 'lang', string[]>;
      sc: Record<'cipher' | 'mac' | 'compress' | 'lang', string[]>;
    };
    readonly messageHandlers: MessageHandlers;
    onWrite(data: Buffer): void;
    onError(error: Error): void;
    onHeader(header: { readonly identRaw: string }): void;
    onPacket(): void;
    onHandshakeComplete(negotiated: Negotiated): void;
  }

  class Protocol {
    constructor(config: ProtocolConfig);
    start(): void;
    parse(chunk: Buffer, start: number, length: number): void;
    cleanup(): void;
    rekey(): void;
    ping(): void;
    disconnect(reason: number): void;
    serviceAccept(name: string): void;
    authFailure(methods: readonly string[], partial: boolean): void;
    authSuccess(): void;
    authPKOK(algorithm: string, key: Buffer): void;
    requestSuccess(data?: Buffer): void;
    requestFailure(): void;
    channelOpenConfirm(remote: number, local: number, window: number, packetSize: number): void;
    channelOpenFail(remote: number, reason: number, description: string): void;
    channelSuccess(remote: number): void;
    channelFailure(remote: number): void;
    channelData(remote: number, data: Buffer): void;
    channelExtData(remote: number, data: Buffer, type: number): void;
    channelWindowAdjust(remote: number, bytes: number): void;
    channelEOF(remote: number): void;
    channelClose(remote: number): void;
    exitStatus(remote: number, status: number): void;
    exitSignal(remote: number, name: string, coreDumped: boolean, message: string): void;
    forwardedTcpip(
      local: number,
      window: number,
      packetSize: number,
      address: {
        readonly boundAddr: string;
        readonly boundPort: number;
        readonly remoteAddr: string;
        readonly remotePort: number;
      },
    ): void;
    openssh_forwardedStreamLocal(
      local: number,
      window: number,
      packetSize: number,
      address: { readonly socketPath: string },
    ): void;

    // What follows is private to the library; `protocol.ts` checks that it is there.
    _kex: { remoteExtInfoEnabled: boolean } | undefined;
    /** Set from the KEXINIT that is sent to the NEWKEYS that comes. */
    readonly _kexinit: Buffer | undefined;
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(length: number): Buffer;
        finalize(packet: Buffer): Buffer;
      };
    };
    /** Sent once, when the login begins. */
    _banner: string | undefined;
    readonly _cipher: { encrypt(packet: Buffer): void };
    _onHandshakeComplete: (negotiated: Negotiated) => void;
  }
  export = Protocol;
  namespace Protocol {
    export type { ChannelOpen, MessageHandlers, PublicKeyRequest };
  }
}

declare module 'ssh2/lib/protocol/crypto.js' {
  const crypto: {
    /** Settled when the ciphers can be used. */
    readonly init: Promise<void>;
  };
  export = crypto;
}
