/**
 * The way in: what a listener asks before, during and after a handshake. `docs/spec/endpoint.md` 2 and 5.
 *
 * @module
 */

import { X509Certificate } from 'node:crypto';
import { type AuthContext, CloseCode, type Log, type RemoteAddress } from '@alknet/sdk/streams';
import type { Admission } from './admission.ts';
import { acmeAlpn, clientCertificate, isHttpAlpn } from './alpn.ts';
import type { AuthContexts } from './auth-contexts.ts';
import type {
  ClientHello,
  ListenerPolicy,
  ServerParameters,
  Slot,
  TransportConnection,
  TransportKind,
} from './engine.ts';
import { HostConnection } from './host-connection.ts';
import type { LiveConnections } from './live-connections.ts';
import type { EndpointSettings, Identities } from './owner.ts';
import type { Refusals } from './refusals.ts';
import type { AlpnRouter } from './router.ts';

export interface AcceptanceParts {
  readonly settings: EndpointSettings;
  readonly identities: Identities;
  readonly log: Log;
  readonly router: AlpnRouter;
  readonly live: LiveConnections;
  readonly admission: Admission;
  readonly refusals: Refusals;
  readonly contexts: AuthContexts;
  readonly nextId: () => string;
}

export class Acceptance implements ListenerPolicy {
  private readonly parts: AcceptanceParts;
  private isDraining = false;

  constructor(parts: AcceptanceParts) {
    this.parts = parts;
  }

  get handshakeTimeout(): number {
    return this.parts.settings.handshakeTimeout;
  }

  /** From here on nobody is let in. */
  drain(): void {
    this.isDraining = true;
  }

  admit(transport: TransportKind, remote: RemoteAddress): Slot | undefined {
    const entered = this.isDraining ? 'draining' : this.parts.admission.enter(remote);
    if (typeof entered !== 'string') return entered;
    this.parts.refusals.count(entered, { transport, remote: remote.address });
    return undefined;
  }

  parameters(
    transport: TransportKind,
    hello: ClientHello,
    local: RemoteAddress,
    filter?: readonly string[],
  ): ServerParameters | undefined {
    const certificate = this.parts.identities.certificateFor(hello, local);
    if (certificate === undefined) return undefined;
    return {
      certificate,
      alpns: this.parts.router.offered(transport, filter, this.parts.settings.acme),
      clientCertificate: clientCertificate(transport, hello.alpns),
      tls12ForHttp: this.parts.settings.tls12ForHttp,
    };
  }

  /** Steps 3 to 8 of `docs/spec/endpoint.md` 5, in one turn. */
  accepted(carrier: TransportConnection, slot: Slot): void {
    if (this.isWeak(carrier)) {
      slot.release('certificate');
      carrier.close(CloseCode.AUTH_REQUIRED, 'RSA key under 2048 bits', 'host');
      return;
    }
    slot.established();
    void carrier.closed.then(() => slot.release());
    const refusal = this.route(carrier);
    if (refusal === undefined) return;
    const { alpn, transport, remote } = carrier;
    const { code, reason, cause, plugin } = refusal;
    if (cause !== undefined) {
      this.parts.refusals.count(cause, {
        transport,
        alpn,
        remote: remote.address,
        plugin: plugin ?? '-',
        code,
      });
    }
    carrier.close(code, reason, 'host');
  }

  /** To its plugin, or why not. */
  private route(carrier: TransportConnection): Refusal | undefined {
    const { router, live, log, nextId } = this.parts;
    const { alpn, transport, serverName } = carrier;
    const addr = carrier.remote.address;

    const auth = this.authenticate(carrier);
    if (alpn === acmeAlpn) return { code: CloseCode.DONE, reason: 'acme done' };
    const owner = router.owner(alpn);
    if (owner === undefined) return { code: CloseCode.NO_HANDLER, reason: 'no handler', cause: 'no handler' };
    const plugin = owner.name;
    if (owner.requireIdentity === true && auth.identity === null) {
      log.info('identity reject', { alpn, addr, reason: 'auth_required' });
      const cause = `plugins.${plugin}.requireIdentity`;
      return { code: CloseCode.AUTH_REQUIRED, reason: 'authentication required', cause, plugin };
    }
    const full = live.full(owner, auth.identity);
    if (full !== undefined) return { code: CloseCode.LIMIT, reason: `limit: ${full}`, cause: full, plugin };

    const key = auth.fingerprint ?? '-';
    log.info('identity accept', { alpn, addr, via: transport, key, peer: auth.identity?.id ?? '-' });
    const facts = { id: nextId(), alpn, transport, remote: carrier.remote, serverName, auth };
    live.begin(new HostConnection(carrier, { facts, owner, direction: 'accepted', parent: null }), owner);
    return undefined;
  }

  /** A key that may be forged proves nothing (`docs/spec/identity.md` 9). */
  private isWeak({ alpn, remote, peerCertificate }: TransportConnection): boolean {
    // Nearly all are Ed25519, and OpenSSL takes its time to read a certificate.
    if (peerCertificate === null) return false;
    if (this.parts.identities.fingerprintOf(peerCertificate).startsWith('ed25519:')) return false;
    const { modulusLength } = new X509Certificate(peerCertificate).publicKey.asymmetricKeyDetails ?? {};
    if (modulusLength === undefined || modulusLength >= 2048) return false;
    this.parts.log.info('identity reject', { alpn, addr: remote.address, reason: 'key_size' });
    return true;
  }

  private authenticate({ alpn, transport, remote, peerCertificate }: TransportConnection): AuthContext {
    const { identities, contexts } = this.parts;
    const fingerprint = peerCertificate && identities.fingerprintOf(peerCertificate);
    // A certificate never speaks for an HTTP request (`docs/spec/identity.md` 6).
    const known = fingerprint !== null && !isHttpAlpn(alpn);
    const identity = (known && identities.resolveFingerprint(fingerprint)) || null;
    return contexts.give({ alpn, transport, remote, fingerprint, identity });
  }
}

interface Refusal {
  readonly code: number;
  readonly reason: string;
  /** To be counted and logged; absent when nothing is wrong. */
  readonly cause?: string;
  readonly plugin?: string;
}
