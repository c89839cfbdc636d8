/**
 * The thread of one plugin instance, and why it ended. `docs/spec/config.md` 6.4.
 *
 * @module
 */

import { MessageChannel, Worker } from 'node:worker_threads';
import { formatBytes } from '@alknet/sdk';
import { PluginError, reasonOf } from '../../plugin-error.ts';
import { Link } from '../link.ts';
import type { HostMethods, ThreadData, ThreadMethods } from '../protocol.ts';
import { threadEntry } from './entry.ts';

export interface ThreadOptions {
  readonly plugin: string;
  /** Bytes: of the heap, and of buffers beside it. */
  readonly memory: number;
  /** Milliseconds without a beat after which the thread is ended. */
  readonly heartbeat: number;
}

/** `docs/spec/config.md` 6.4. */
export const defaultHeartbeat = 10_000;

/** Looks at the thread in the time of one heartbeat. */
const looks = 20;
const MiB = 1024 * 1024;

export class WorkerThread {
  readonly options: ThreadOptions;
  readonly link: Link<HostMethods, ThreadMethods>;
  /** Resolves with the reason when the thread ends without having been asked to; else never. */
  readonly ended: Promise<PluginError>;
  /** Called at each look at the thread. */
  onLook: () => void = () => {};
  readonly #worker: Worker;
  readonly #watch: NodeJS.Timeout;
  readonly #flags = new Int32Array(new SharedArrayBuffer(16));
  #report: (reason: PluginError) => void = () => {};
  #over: Promise<unknown> | undefined;
  #beats = 0;
  #silent = 0;
  #tooLarge = 0;

  constructor(options: ThreadOptions) {
    this.options = options;
    const { port1, port2 } = new MessageChannel();
    const answers = new MessageChannel();
    const look = Math.max(1, Math.round(options.heartbeat / looks));
    const data: ThreadData = { port: port2, answers: answers.port2, flags: this.#flags, beat: look };
    this.ended = new Promise((resolve) => {
      this.#report = resolve;
    });
    this.#worker = new Worker(threadEntry(), {
      name: `alknet plugin ${options.plugin}`,
      workerData: data,
      transferList: [port2, answers.port2],
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(options.memory / MiB) },
    });
    this.link = new Link(port1, { port: answers.port1, flags: this.#flags, receive: () => undefined });
    this.link.onNonsense = (error) =>
      this.#fail(this.#error(`said what the host does not understand: ${reasonOf(error)}`, error));
    this.#worker.on('error', (error: Error) => this.#fail(this.#thrown(error)));
    this.#worker.on('exit', (code) => this.#fail(this.#error(`ended itself with exit code ${code}`)));
    this.#watch = setInterval(() => this.#look(), look);
    this.#watch.unref();
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    this.#stop(new PluginError(`the thread of plugin ${this.options.plugin} has been stopped`));
    await this.#over;
  }

  #look(): void {
    this.onLook();
    const beats = Atomics.load(this.#flags, 1);
    // Before its first beat it is still being made.
    this.#silent = beats === this.#beats && beats > 0 ? this.#silent + 1 : 0;
    this.#beats = beats;
    const { heartbeat, memory, plugin } = this.options;
    if (this.#silent >= looks) this.#fail(this.#error(`gave no sign of life for ${heartbeat / 1000} s`));
    // V8's limit holds for the heap; what buffers hold is outside of it. One look may come before a collection.
    const outside = Atomics.load(this.#flags, 2) * 1024;
    this.#tooLarge = outside > memory ? this.#tooLarge + 1 : 0;
    if (this.#tooLarge > 1) {
      const what = `holds ${formatBytes(outside)} in buffers, and plugins.${plugin}.limits.memory is ${formatBytes(memory)}`;
      this.#fail(this.#error(what));
    }
  }

  #thrown(error: Error & { code?: unknown }): PluginError {
    const { plugin, memory } = this.options;
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
      return this.#error(`ran out of memory: plugins.${plugin}.limits.memory is ${formatBytes(memory)}`);
    return this.#error(`ended by an uncaught exception: ${reasonOf(error)}`, error);
  }

  #error(what: string, cause?: unknown): PluginError {
    return new PluginError(`the thread of plugin ${this.options.plugin} ${what}`, { cause });
  }

  #fail(reason: PluginError): void {
    if (this.#over !== undefined) return;
    this.#stop(reason);
    this.#report(reason);
  }

  #stop(reason: PluginError): void {
    if (this.#over !== undefined) return;
    clearInterval(this.#watch);
    this.#over = this.#worker.terminate();
    this.link.end(reason);
  }
}
