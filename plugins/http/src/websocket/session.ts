/**
 * One call session on a WebSocket, from the upgrade to its end. `docs/spec/http.md` 15.3.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { CloseCode, type PluginHost } from '@alknet/sdk';
import { MessageTransport, parseBody, Session } from '@alknet/sdk/call';
import type { RequestContext } from '../request-context.ts';
import { Socket } from './socket.ts';

export interface WebSocketParts {
  readonly host: Pick<PluginHost, 'identity' | 'limits' | 'log'>;
  /** Bytes; read at each use. */
  readonly buffered: () => number;
}

export class WebSocketSession {
  /** Settles when the WebSocket is over and every request that was served has settled. Never rejects. */
  readonly closed: Promise<unknown>;
  readonly #session: Session;
  readonly #context: RequestContext;
  readonly #identity: PluginHost['identity'];

  constructor(stream: Duplex, context: RequestContext, { host, buffered }: WebSocketParts) {
    this.#context = context;
    this.#identity = host.identity;
    const socket = new Socket(
      stream,
      { message: host.limits.frame, buffered },
      {
        message: (message) => transport.receive(message),
        flushed: () => transport.flushed(),
        overfull: (bytes) =>
          host.log.warn('websocket closed', {
            peer: context.identity?.id ?? '-',
            connection: context.requestId,
            reason: 'http.limits.wsBuffered',
            bytes,
          }),
        over: (code, reason) => transport.over({ code, reason, by: code === 1006 ? 'transport' : 'peer' }),
      },
    );
    const transport = new MessageTransport({
      id: context.requestId,
      transport: 'websocket',
      remote: context.remote,
      limits: host.limits,
      socket,
      parse: (message) => parseBody(asBuffer(message)),
    });
    this.#session = new Session(transport, {
      serve: context.gateway.server,
      limits: host.limits,
      log: host.log,
    });
    this.closed = this.#session.closed;
    // The node lets go of the connection: the callers are told, and then that the WebSocket is over.
    const letGo = () => this.close(CloseCode.SHUTDOWN);
    const { signal } = context.connection;
    signal.addEventListener('abort', letGo, { once: true });
    void transport.connection.closed.then(() => signal.removeEventListener('abort', letGo));
  }

  /** Ends the session when its token has been taken back. */
  checkIdentity(): void {
    const { token, identity } = this.#context;
    // Without an address: to look once more is no use of the token, and no failed attempt.
    const now = token === undefined ? undefined : this.#identity.resolveToken(token);
    if (now === undefined || now.id !== identity?.id) this.close(CloseCode.REVOKED);
  }

  drain(): void {
    this.#session.drain();
  }

  close(code: number): void {
    this.#session.close(code);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
