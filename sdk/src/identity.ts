/**
 * Who is on the other side of a connection or call.
 *
 * @module
 */

/** What access rules look at. `id` is a peer id (or a plugin's own, `ssh:alice`), never a key. `docs/spec/identity.md` 1. */
export interface Identity {
  readonly id: string;
  /** Exact words; no wildcard, no hierarchy. */
  readonly scopes: readonly string[];
  /** Resource type to the words granted on it. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** A network address: IP text without brackets, IPv4-mapped IPv6 written as IPv4. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** What a handshake established; immutable. `docs/spec/identity.md` 6. */
export interface AuthContext {
  readonly alpn: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  /** `ed25519:<hex>` or `SHA256:<hex>` of the certificate shown, `null` when none was. */
  readonly fingerprint: string | null;
  /** The peer that the fingerprint belongs to, `null` when anonymous. */
  readonly identity: Identity | null;
}

/** On whose behalf a node forwards a call. For logs and display; never for access. `docs/spec/call.md` 10. */
export interface ForwardedFor {
  readonly id: string;
  readonly displayName?: string;
}
