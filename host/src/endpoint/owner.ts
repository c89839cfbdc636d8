/**
 * What the endpoint is told by those around it: the plugins that own ALPNs, the identities behind certificates, and the
 * limits in use. It knows no plugin, no peer file and no configuration.
 *
 * @module
 */

import type { Connection, Identity, RemoteAddress } from '@alknet/sdk';
import type { Certificate, ClientHello, TransportKind, TransportTuning } from './engine.ts';

/** A running plugin instance, as the router sees it. Everything but name and ALPNs is read at each use. */
export interface AlpnOwner {
  readonly name: string;
  /** May claim `alknet/…` and IANA names. */
  readonly builtIn: boolean;
  readonly alpns: readonly string[];
  /** `plugins.<name>.listeners`; absent: all that the ALPN allows. */
  readonly listeners?: readonly TransportKind[] | undefined;
  readonly requireIdentity?: boolean | undefined;
  readonly limits?: {
    /** `plugins.<name>.limits.connections` */
    readonly connections?: number | undefined;
    /** Milliseconds; `plugins.<name>.limits.reloadGrace`. Default: that of the node. */
    readonly reloadGrace?: number | undefined;
  };
  /** The intersection of requests and grant, as far as dispatch needs it. */
  readonly grant?: {
    readonly dispatch?: readonly string[];
    readonly scopes?: readonly string[];
    readonly resources?: Readonly<Record<string, readonly string[]>>;
  };
  connection(connection: Connection): Promise<void> | void;
}

export interface ServerCheck {
  /** Normal-form fingerprints held for the remote; empty: certificate authorities and `name` decide. */
  readonly pins: readonly string[];
  /** Host name or IP address that was dialled. */
  readonly name: string;
}

/** Certificates and who they belong to. `docs/spec/identity.md` 3, 6, 7, 10. */
export interface Identities {
  fingerprintOf(certificate: Uint8Array): string;
  resolveFingerprint(fingerprint: string): Identity | undefined;
  /** Whether the object came from one of the look-ups of the host, and is no copy. */
  isGivenOut(identity: Identity): boolean;
  /** To show to a client; `undefined` closes without an answer. */
  certificateFor(hello: ClientHello, local: RemoteAddress): Certificate | undefined;
  /** This node's identity certificate, `null` for a caller without one. The same object as long as it is the same. */
  readonly ownCertificate: Certificate | null;
  /** Self-signed, over a key of its own that nobody has seen: what an anonymous caller shows on QUIC. */
  freshCertificate(): Certificate;
  /** A function that throws a DialError for a chain (DER, leaf first) that must not be trusted. */
  verifyServer(check: ServerCheck): (chain: readonly Uint8Array[]) => void;
}

/** Read at each use, so that a changed configuration holds for what begins afterwards. Milliseconds and bytes. */
export interface EndpointSettings extends TransportTuning {
  readonly connections: number;
  /** 0: no limit. */
  readonly connectionsPerAddress: number;
  readonly connectionsPerIdentity: number;
  readonly dispatchedConnections: number;
  readonly handshakes: number;
  readonly handshakesPerAddress: number;
  /** 0: no limit. */
  readonly authFailuresPerAddress: number;
  readonly buffered: number;
  /** Of the process, resident; 0: three quarters of what the machine or the control group has. */
  readonly memory: number;
  readonly reloadGrace: number;
  readonly handshakeTimeout: number;
  /** Whether `tls.minVersion` admits TLS 1.2 for HTTP on TCP. */
  readonly tls12ForHttp: boolean;
  /** Whether `tls.acme` is configured. */
  readonly acme: boolean;
}

/** `docs/spec/config.md` 11 and 12. */
export const defaultSettings: EndpointSettings = {
  connections: 4096,
  connectionsPerAddress: 100,
  connectionsPerIdentity: 256,
  dispatchedConnections: 8192,
  handshakes: 256,
  handshakesPerAddress: 32,
  authFailuresPerAddress: 20,
  streamsPerConnection: 256,
  bufferedPerConnection: 32 * 1024 * 1024,
  buffered: 512 * 1024 * 1024,
  memory: 0,
  idleTimeout: 30_000,
  tlsIdleTimeout: 3_600_000,
  reloadGrace: 5000,
  handshakeTimeout: 10_000,
  udpPayload: 1350,
  loopbackUdpPayload: 8192,
  keepAlive: false,
  tls12ForHttp: false,
  acme: false,
};
