/**
 * What the orchestrating process may ask of a server's and of a client's process. Each request is answered once; one is
 * under way at a time.
 *
 * @module
 */

import type { Measured, Work } from '../load.ts';
import type { Address, ServeOptions, StackName } from '../stack.ts';

/** Bytes, after a full collection of garbage. */
export interface Memory {
  /** JavaScript heap and what hangs on it outside. */
  readonly js: number;
  readonly resident: number;
}

export interface ServerCalls {
  start(stack: StackName, options: ServeOptions): Promise<Address>;
  memory(): Promise<Memory>;
  imported(): Promise<{ readonly operations: number; readonly seconds: number }>;
  stop(): Promise<void>;
}

export interface ClientCalls {
  start(stack: StackName, address: Address): Promise<void>;
  run(work: Work, seconds: number): Promise<Measured>;
  /** Opens so many connections, each having answered one call, and keeps them. */
  hold(connections: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Request {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
