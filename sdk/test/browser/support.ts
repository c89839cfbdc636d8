/** A WebSocket without a network, as a page sees it, and the node's side of it as a session. */

import type { TestContext } from 'node:test';
import { type ConnectOptions, connect } from '../../src/browser/index.ts';
import { MessageTransport, parseBody, Session, type SessionOptions } from '../../src/call/index.ts';
import { defaultCallLimits } from '../../src/call/limits.ts';

type Listener = ((event: never) => void) | null;

export interface Opened {
  readonly url: string;
  readonly protocols: readonly string[];
  /** What the page has sent. */
  readonly sent: string[];
  /** How the page has closed. */
  closed: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;
  message(data: unknown): void;
  end(code: number, reason: string): void;
}

/** A page that has connected to a node which serves so. */
export async function page(
  t: TestContext,
  node: SessionOptions = {},
  options: Omit<ConnectOptions, 'WebSocket'> = {},
): Promise<{ client: Session; node: Session; socket: Opened }> {
  const limits = node.limits ?? defaultCallLimits;
  let transport: MessageTransport | undefined;
  let socket: Opened | undefined;

  class FakeSocket {
    binaryType = '';
    bufferedAmount = 0;
    onopen: Listener = null;
    onmessage: Listener = null;
    onclose: Listener = null;
    onerror: Listener = null;

    constructor(url: string, protocols: string[]) {
      const fire = (listener: Listener, event: object) => listener?.(event as never);
      const opened: Opened = {
        url,
        protocols,
        sent: [],
        closed: undefined,
        message: (data) => fire(this.onmessage, { data }),
        end: (code, reason) => fire(this.onclose, { code, reason, wasClean: true }),
      };
      socket = opened;
      queueMicrotask(() => fire(this.onopen, {}));
    }

    send(data: Uint8Array) {
      socket?.sent.push(new TextDecoder().decode(data));
      const copy = Buffer.from(data);
      queueMicrotask(() => transport?.receive(copy));
    }

    close(code?: number, reason?: string) {
      if (socket === undefined || socket.closed !== undefined) return;
      socket.closed = { code, reason };
      transport?.over({ code: code ?? 0, reason: reason ?? '', by: 'peer' });
      socket.end(code ?? 1000, reason ?? '');
    }
  }

  transport = new MessageTransport({
    id: 'node-side',
    transport: 'websocket',
    remote: null,
    limits,
    parse: (message) => parseBody(Buffer.from(message)),
    socket: {
      unsent: 0,
      send: (text) => {
        const bytes = new Uint8Array(new TextEncoder().encode(text));
        queueMicrotask(() => socket?.message(bytes.buffer));
      },
      close: (code, reason) => socket?.end(code, reason),
    },
  });
  const nodeSession = new Session(transport, node);
  const client = await connect('https://node.example', { ...options, WebSocket: FakeSocket });
  if (socket === undefined) throw new Error('no socket was made');
  const keepAlive = setInterval(() => {}, 60_000);
  t.after(() => {
    clearInterval(keepAlive);
    client.close();
    nodeSession.close();
  });
  return { client, node: nodeSession, socket };
}
