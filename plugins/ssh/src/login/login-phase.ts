/**
 * The attempts of one connection: which are answered how, and how many may fail. `docs/spec/ssh.md` 3.1 and 3.5.
 *
 * @module
 */

import type { Source, SshServer } from '../server.ts';
import type { PublicKeyRequest } from '../transport/protocol.ts';
import type { SshStream } from '../transport/stream.ts';
import type { Credential } from './authenticator.ts';
import type { Login } from './login.ts';

/** SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE. */
const noMoreMethods = 14;
const methods = ['publickey'];

export class LoginPhase {
  readonly #stream: SshStream;
  readonly #server: SshServer;
  readonly #source: Source;
  #failures = 0;
  #hadFreeNone = false;
  /** Whether there has been an attempt that counts, or a login. */
  tried = false;

  constructor(stream: SshStream, server: SshServer, source: Source) {
    this.#stream = stream;
    this.#server = server;
    this.#source = source;
  }

  /** The login, if that was one. Everything else has been answered. */
  attempt(user: string, method: string, data: PublicKeyRequest | null): Login | undefined {
    if (method === 'none' && !this.#hadFreeNone) {
      this.#hadFreeNone = true;
      this.#stream.send((protocol) => protocol.authFailure(methods, false));
      return undefined;
    }
    if (method !== 'publickey' || data === null) {
      this.#fail(user, method, { reason: 'method', key: '-' });
      return undefined;
    }
    const credential = this.#credential(user, data);
    const verdict = this.#server.authenticator.judge(credential);
    if (!('login' in verdict)) {
      this.#fail(user, method, verdict);
      return undefined;
    }
    if (credential.signature === undefined) {
      this.#stream.send((protocol) => protocol.authPKOK(credential.algorithm, credential.blob));
      return undefined;
    }
    const { login } = verdict;
    this.#line('accept', user, method, { reason: '-', key: login.key, peer: login.peer });
    return login;
  }

  #credential(user: string, { keyAlgo, hashAlgo, key, signature, blob }: PublicKeyRequest): Credential {
    return {
      user,
      address: this.#source.remote?.address,
      // The library has made ssh-rsa of rsa-sha2-*.
      algorithm: hashAlgo === undefined ? keyAlgo : `rsa-sha2-${hashAlgo === 'sha512' ? '512' : '256'}`,
      blob: key,
      signature: signature === undefined || blob === undefined ? undefined : { value: signature, data: blob },
    };
  }

  #fail(user: string, method: string, why: Why): void {
    this.#line('reject', user, method, why);
    this.#failures++;
    if (this.#failures >= this.#server.config.maxAuthAttempts)
      this.#stream.disconnect(noMoreMethods, 'attempts');
    else this.#stream.send((protocol) => protocol.authFailure(methods, false));
  }

  #line(result: 'accept' | 'reject', user: string, method: string, { reason, key, peer }: Why): void {
    this.tried = true;
    this.#server.lines.auth({ result, remote: this.#source.remote, user, method, key, peer, reason });
  }
}

interface Why {
  readonly reason: string;
  readonly key: string;
  readonly peer?: string;
}
