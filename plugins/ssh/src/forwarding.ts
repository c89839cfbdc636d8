/**
 * What the server asks of forwarding: connections of the client's to elsewhere, and listeners for it here.
 * `docs/spec/ssh.md` 7.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { RemoteAddress } from '@alknet/sdk';
import type { Login } from './login/login.ts';

/** As the client wrote them; nothing is checked yet. */
export type Target =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** 1 for policy and syntax, 2 for a failed connect, 4 for a limit. RFC 4254 5.1. */
export type RefusalCode = 1 | 2 | 4;

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: RefusalCode;

  constructor(code: RefusalCode) {
    super({ 1: 'denied', 2: 'connect failed', 4: 'limit' }[code]);
    this.code = code;
  }
}

/** The connection on whose behalf something is opened. */
export interface ForwardClient {
  readonly id: string;
  readonly login: Login;
  readonly remote: RemoteAddress | null;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
  /**
   * Opens a channel towards the client for a connection that was accepted for it. `undefined` when the client refuses.
   */
  openForwarded(arrival: Arrival): Promise<Duplex | undefined>;
}

export type Arrival =
  | {
      readonly kind: 'tcp';
      /** As the client asked for it, and the port that it was given. */
      readonly bound: RemoteAddress;
      readonly originator: RemoteAddress;
    }
  | { readonly kind: 'unix'; readonly path: string };

export interface Forwarding {
  /** The far end, already connected. @throws Refused */
  connect(target: Target, client: ForwardClient): Promise<Duplex>;
  /** The port that is bound; 0 for a socket path. @throws Refused */
  listen(target: Target, client: ForwardClient): Promise<number>;
  /** `false` when there is no such listener of the client. */
  cancel(target: Target, client: ForwardClient): Promise<boolean>;
  /** Listeners of the connection that are open. */
  listeners(client: ForwardClient): number;
  /** The connection is over. */
  closed(client: ForwardClient): void;
}
