/**
 * Opens a session with a node over a WebSocket. `docs/spec/http.md` 15.
 *
 * @module
 */

import { BadFrame, maxNesting, nesting } from '../call/bad-frame.ts';
import { defaultCallLimits } from '../call/limits.ts';
import { MessageTransport } from '../call/message-transport.ts';
import { randomId } from '../call/request-id.ts';
import type { Server } from '../call/server.ts';
import { Session } from '../call/session.ts';
import { ConnectionError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallLimits } from '../plugin.ts';
import { messageSocket, type SocketConstructor, type WebSocketLike } from './socket.ts';

export interface ConnectOptions {
  /** A token of the node, `alk_…`; it travels as a subprotocol and in no URL. */
  readonly token?: string;
  /** What answers calls of the node; see `offer`. Absent: every one is `NOT_FOUND`. */
  readonly serve?: Server;
  readonly limits?: Partial<CallLimits>;
  readonly log?: Log;
  /** Gives up opening. */
  readonly signal?: AbortSignal;
  /** Instead of the global one, which Node.js 20 does not have. */
  readonly WebSocket?: SocketConstructor;
}

const path = '/alknet/call';

/**
 * A session with the node at that address: `https://node.example`, or the URL of the session itself.
 *
 * @throws ConnectionError `CONNECTION_CLOSED`: there is no such node, or it does not know the token; a browser does not
 *   tell which.
 */
export function connect(address: string | URL, options: ConnectOptions = {}): Promise<Session> {
  const { token, signal } = options;
  const url = sessionUrl(address);
  const Socket: SocketConstructor = options.WebSocket ?? Reflect.get(globalThis, 'WebSocket');
  const socket = new Socket(url, ['alknet.call', ...(token === undefined ? [] : [`alknet.bearer.${token}`])]);
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      signal?.removeEventListener('abort', stop);
      socket.onopen = socket.onclose = null;
      reject(new ConnectionError('CONNECTION_CLOSED', `no session with ${url}: ${reason}`));
    };
    const stop = () => {
      fail('given up');
      socket.close();
    };
    socket.onerror = () => {};
    socket.onclose = ({ reason }: { reason: string }) =>
      fail(reason || 'unknown address or certificate, or a token that is not valid');
    socket.onopen = () => {
      signal?.removeEventListener('abort', stop);
      resolve(sessionOn(socket, options));
    };
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
  });
}

function sessionUrl(address: string | URL): string {
  const url = new URL(address);
  url.protocol = url.protocol.replace('http', 'ws');
  if (url.pathname === '/') url.pathname = path;
  return url.href;
}

function sessionOn(socket: WebSocketLike, options: ConnectOptions): Session {
  const limits = { ...defaultCallLimits, ...options.limits };
  const transport: MessageTransport = new MessageTransport({
    id: randomId(),
    transport: 'websocket',
    remote: null,
    limits,
    socket: messageSocket(socket, () => transport.flushed()),
    parse,
  });
  socket.onmessage = ({ data }: { data: unknown }) => {
    // Text is none of the protocol's: as bytes without content it ends the session like any other fault.
    transport.receive(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array());
  };
  socket.onclose = ({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) =>
    transport.over({ code, reason, by: wasClean ? 'peer' : 'transport' });
  const { serve, log } = options;
  return new Session(transport, {
    limits,
    ...(serve === undefined ? {} : { serve }),
    ...(log === undefined ? {} : { log }),
  });
}

/** A byte order mark is left in, so that it is no JSON. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws BadFrame */
function parse(message: Uint8Array): unknown {
  if (nesting(message) > maxNesting) throw new BadFrame(`arrays and objects nest deeper than ${maxNesting}`);
  try {
    return JSON.parse(decoder.decode(message));
  } catch {
    throw new BadFrame('the message is not one JSON value in UTF-8');
  }
}
