export type DialErrorCode =
  | 'Resolve'
  | 'Connect'
  | 'Handshake'
  | 'NoAlpn'
  | 'Refused'
  | 'Aborted'
  | 'HandshakeTimeout'
  | 'PeerMismatch'
  | 'UnknownIdentity'
  | 'UntrustedChain'
  | 'NoRemoteCertificate';

/**
 * A connection that did not come to be. The message is one line with target, transport, what was expected and what
 * came. `docs/spec/endpoint.md` 10.
 */
export class DialError extends Error {
  readonly code: DialErrorCode;

  constructor(code: DialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DialError';
    this.code = code;
  }
}
