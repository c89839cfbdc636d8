/**
 * What all SSH connections of the node share.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { CloseInfo, Connection, Log, RemoteAddress } from '@alknet/sdk';
import type { Admission } from './admission.ts';
import type { SshConfig } from './config.ts';
import type { Forwarding } from './forwarding.ts';
import type { SshLog, Via } from './log-lines.ts';
import type { Authenticator } from './login/authenticator.ts';
import type { Login } from './login/login.ts';
import type { HostKey } from './transport/protocol.ts';
import type { RekeyAfter } from './transport/stream.ts';

/** Where a byte stream came from. */
export interface Source {
  readonly via: Via;
  readonly remote: RemoteAddress | null;
  readonly local: RemoteAddress | null;
  /** Of the outer connection, for the log and for counting when there is no address. */
  readonly fingerprint: string | null;
  /** The outer connection, if there is one. */
  readonly parent: Connection | undefined;
}

export interface SshServer {
  readonly config: SshConfig;
  readonly hostKey: HostKey;
  readonly log: Log;
  readonly lines: SshLog;
  readonly authenticator: Authenticator;
  readonly admission: Admission;
  readonly forwarding: Forwarding;
  readonly rekey?: RekeyAfter;
  dispatch(
    alpn: 'alknet/sftp' | 'alknet/git',
    stream: Duplex,
    login: Login,
    source: Source,
  ): Promise<CloseInfo>;
}
