/**
 * `control.sock`: lock, unlock and state of the running node's vault, for its own user on this machine, and nothing
 * else. `docs/spec/cli.md` 2.
 *
 * One line of JSON each way: `{ "request": "state" | "lock" | "unlock", "passphrase"?: text }`.
 *
 * @module
 */

import { chmod, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export const controlSocketPath = (dataDir: string) => join(dataDir, 'control.sock');

export interface ControlHandler {
  state(): { state: 'locked' | 'unlocked'; protection: string };
  lock(): void;
  /** @throws VaultError */
  unlock(passphrase: string | undefined): Promise<void>;
}

export type ControlAnswer =
  | { readonly ok: true; readonly state: 'locked' | 'unlocked'; readonly protection: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

const maxLine = 64 * 1024;
/** Milliseconds for one request. */
const patience = 30_000;

export async function serveControl(
  dataDir: string,
  handler: ControlHandler,
): Promise<{ close(): Promise<void> }> {
  const path = controlSocketPath(dataDir);
  await rm(path, { force: true });
  // The data directory has mode 0700: nobody else reaches the socket, not even before its own mode is set.
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.setTimeout(patience, () => socket.destroy());
    socket.on('error', () => {});
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxLine) {
        socket.destroy();
        return;
      }
      const end = text.indexOf('\n');
      if (end === -1) return;
      const line = text.slice(0, end);
      text = '';
      void answer(handler, line).then((result) => socket.end(`${JSON.stringify(result)}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, 0o600);
  return {
    close: async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

async function answer(handler: ControlHandler, line: string): Promise<ControlAnswer> {
  try {
    const { request, passphrase } = JSON.parse(line) as { request?: unknown; passphrase?: unknown };
    if (request === 'lock') handler.lock();
    else if (request === 'unlock')
      await handler.unlock(typeof passphrase === 'string' ? passphrase : undefined);
    else if (request !== 'state')
      return { ok: false, code: 'UNKNOWN', message: 'this socket knows lock, unlock and state' };
    return { ok: true, ...handler.state() };
  } catch (error) {
    const { code = 'INTERNAL', message = 'failed' } = error as { code?: string; message?: string };
    return { ok: false, code, message };
  }
}

/** Asks the running node. Rejects with the error of the socket when there is none. */
export async function askControl(
  dataDir: string,
  request: 'state' | 'lock' | 'unlock',
  passphrase?: string,
): Promise<ControlAnswer> {
  return await new Promise((resolve, reject) => {
    const socket = connect(controlSocketPath(dataDir));
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text) as ControlAnswer);
      } catch {
        reject(new Error('the node gave no answer'));
      }
    });
    socket.write(`${JSON.stringify({ request, passphrase })}\n`);
  });
}
