/**
 * The private socket on which hooks report to the node. `docs/spec/git.md` 6.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@alknet/sdk';
import { acknowledgement, type HookMessage } from '../hooks/policy.ts';

/** Bytes: 1000 refs of the greatest length, and more. */
const longestMessage = 4 * 1024 * 1024;

export type Receive = (message: HookMessage) => Promise<void>;

export class NotifySocket {
  readonly path: string;
  private readonly directory: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly receivers = new Map<string, Receive>();
  private readonly log: Log;

  private constructor(directory: string, log: Log) {
    this.directory = directory;
    this.path = join(directory, 'notify.sock');
    this.log = log;
    this.server = createServer((socket) => this.serve(socket));
  }

  static async open(log: Log): Promise<NotifySocket> {
    // Mode 0700. The path of a socket has at most some hundred bytes, so it does not lie in the data directory.
    const notify = new NotifySocket(await mkdtemp(join(tmpdir(), 'alknet-git-')), log);
    await new Promise<void>((resolve, reject) => {
      notify.server.once('error', reject);
      notify.server.listen(notify.path, () => resolve());
    });
    return notify;
  }

  /** Messages of a run, until the result is called. */
  expect(run: string, receive: Receive): () => void {
    this.receivers.set(run, receive);
    return () => this.receivers.delete(run);
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > longestMessage) socket.destroy();
      else if (text.endsWith('\n')) void this.take(text, socket);
    });
  }

  private async take(text: string, socket: Socket): Promise<void> {
    try {
      // Only a hook of ours knows the name of a run.
      const message: HookMessage = JSON.parse(text);
      const receive = this.receivers.get(message.run);
      if (receive === undefined) throw new Error('no such run');
      await receive(message);
      socket.end(acknowledgement);
    } catch (error) {
      this.log.warn('report of a hook refused', { error });
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    await rm(this.directory, { recursive: true, force: true });
  }
}
