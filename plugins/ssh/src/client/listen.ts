/**
 * Local listeners of a tunnel: bound before the session is up, and kept through its outages.
 *
 * @module
 */

import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { type AddressInfo, createServer, isIPv4, type Server, type Socket } from 'node:net';
import type { End } from './forward-spec.ts';

/** Connections at once on one listener. */
const mostConnections = 512;

export interface Listener {
  /** Where it really listens: the port that the system chose for 0. */
  readonly bound: readonly End[];
  /** Connections now. */
  readonly open: number;
  close(): Promise<void>;
}

/**
 * Listens at `bind`; without a host on both loopback addresses, as far as the machine has them.
 *
 * @throws Error that says what is in the way
 */
export async function listen(bind: End, serve: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const bound: End[] = [];
  const open = async (options: { host: string; port: number } | { path: string }): Promise<Server> => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on('error', () => {});
      if (sockets.size >= mostConnections) return void socket.destroy();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      serve(socket);
    });
    server.listen(options);
    await once(server, 'listening');
    servers.push(server);
    return server;
  };
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  try {
    if (bind.kind === 'unix') {
      await clearStaleSocket(bind.path);
      await openPrivately(() => open({ path: bind.path }));
      bound.push(bind);
    } else {
      let { port } = bind;
      for (const [index, host] of hostsOf(bind.host).entries()) {
        try {
          const address = (await open({ host, port })).address() as AddressInfo;
          port = address.port;
          bound.push({ kind: 'tcp', host: address.address, port });
        } catch (error) {
          // A machine without IPv6 has one loopback address.
          if (index === 0 || !isAbsent(error)) throw error;
        }
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    bound,
    get open() {
      return sockets.size;
    },
    close,
  };
}

function hostsOf(host: string | undefined): readonly string[] {
  if (host === undefined || host === 'localhost') return ['127.0.0.1', '::1'];
  if (host === '' || host === '*') return ['0.0.0.0', '::'];
  return [host];
}

/** Whether an address of a machine may be left out: it has none of that family, or the first listener covers both. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT' || code === 'EADDRINUSE';
}

/** Whether an address is reached from this machine alone. */
export function isLoopbackBind({ host }: { readonly host?: string }): boolean {
  return (
    host === undefined || host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
  );
}

/** A socket that an earlier run left behind is in the way; anything else at that path is somebody's. */
async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await unlink(path);
}

/** The socket is for this user alone from its first moment: `open` binds before it returns its promise. */
async function openPrivately(open: () => Promise<unknown>): Promise<void> {
  const mask = process.umask(0o177);
  let opening: Promise<unknown>;
  try {
    opening = open();
  } finally {
    process.umask(mask);
  }
  await opening;
}
