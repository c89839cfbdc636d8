/**
 * The orchestrator's end of the protocol: one forked process that is called like an object.
 *
 * @module
 */

import { type ChildProcess, fork as forkProcess } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientCalls, Reply, Request, ServerCalls } from './protocol.ts';

interface Calls {
  server: ServerCalls;
  client: ClientCalls;
}

type Role = keyof Calls;
type Methods<R extends Role> = {
  [K in keyof Calls[R]]: Calls[R][K] extends (...args: infer A) => Promise<infer T>
    ? { args: A; result: T }
    : never;
};

/** Sources run as `.ts`, the build as `.js`. */
const extension = extname(fileURLToPath(import.meta.url));

export class Worker<R extends Role> {
  private readonly child: ChildProcess;
  private readonly label: string;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private readonly exited: Promise<void>;
  private lastId = 0;

  constructor(role: R, label: string) {
    this.label = label;
    this.child = forkProcess(fileURLToPath(new URL(`./${role}${extension}`, import.meta.url)), [], {
      execArgv: [
        ...process.execArgv.filter((flag) => !flag.startsWith('--cpu-prof')),
        '--expose-gc',
        ...profiling(label),
      ],
      serialization: 'advanced',
    });
    this.child.on('message', (reply: Reply) => this.settle(reply));
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        this.failAll(`its process ended with ${signal ?? `code ${code}`}`);
        resolve();
      });
    });
    this.child.on('error', (error) => this.failAll(error.message));
  }

  /** @throws what the worker threw, or that it did not answer within `timeoutSeconds`. */
  async call<K extends keyof Methods<R> & string>(
    method: K,
    args: Methods<R>[K]['args'],
    timeoutSeconds = 60,
  ): Promise<Methods<R>[K]['result']> {
    const id = ++this.lastId;
    const request: Request = { id, method, args };
    const reply = await new Promise<Reply>((resolve) => {
      const timer = setTimeout(
        () => this.settle({ id, error: `no answer to ${method} within ${timeoutSeconds} s` }),
        timeoutSeconds * 1000,
      );
      this.waiting.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      if (this.child.connected) this.child.send(request);
      else this.settle({ id, error: 'its process has ended' });
    });
    if ('error' in reply) throw new Error(`${this.label}: ${reply.error}`);
    return reply.result as Methods<R>[K]['result'];
  }

  /** Lets it stop by itself for 5 s, then ends it. */
  async end(): Promise<void> {
    try {
      await this.call('stop', [] as never, 5);
    } catch {
      this.child.kill('SIGKILL');
    }
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await this.exited;
    clearTimeout(timer);
  }

  private settle(reply: Reply): void {
    this.waiting.get(reply.id)?.(reply);
    this.waiting.delete(reply.id);
  }

  private failAll(error: string): void {
    for (const id of [...this.waiting.keys()]) this.settle({ id, error });
  }
}

/** `ALKNET_BENCH_PROFILE=folder` has every worker leave CPU profiles of its threads there, in a folder of its label. */
function profiling(label: string): string[] {
  const folder = process.env['ALKNET_BENCH_PROFILE'];
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}/${label.replace(/\W+/g, '-')}`];
}
