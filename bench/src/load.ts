/**
 * How a client drives one connection or many, and what it counts. Everything here runs in the client's process.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Client, Link, Stop } from './stack.ts';

/** What a client is asked to do for some seconds. */
export type Work =
  | { readonly kind: 'echo'; readonly inFlight: number }
  | { readonly kind: 'items' }
  | { readonly kind: 'bulk' }
  | { readonly kind: 'stream'; readonly inFlight: number }
  | { readonly kind: 'connect'; readonly inFlight: number }
  | { readonly kind: 'clone' }
  | { readonly kind: 'fetch'; readonly inFlight: number };

/** `count` is in the unit of the work: calls, items, bytes, streams, connections. */
export interface Measured {
  readonly count: number;
  readonly seconds: number;
}

/** Keeps `inFlight` of `once` under way until the time is over; counts those that ended. */
export async function saturate(
  inFlight: number,
  seconds: number,
  once: () => Promise<void>,
): Promise<Measured> {
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let count = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await once();
      count++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { count, seconds: (performance.now() - begin) / 1000 };
}

/** Counts what flows in from the first arrival on, so that the set-up of the flow is no part of its rate. */
export async function drink(
  seconds: number,
  open: (arrived: (amount: number) => void) => Promise<Stop>,
): Promise<Measured> {
  let count = 0;
  let begin = 0;
  let last = 0;
  let flowing: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    flowing = resolve;
  });
  const stop = await open((amount) => {
    last = performance.now();
    if (begin === 0) {
      begin = last;
      flowing();
    } else {
      count += amount;
    }
  });
  await first;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  // On a machine that is busy elsewhere all of it may have come in one turn, which took no time.
  while (last === begin) await new Promise((resolve) => setTimeout(resolve, 10));
  const measured = { count, seconds: (last - begin) / 1000 };
  await stop();
  return measured;
}

function can<T>(operation: T | undefined, what: string): T {
  if (operation === undefined) throw new Error(`this stack has no ${what}`);
  return operation;
}

/** @throws when the stack cannot do such work, or does it wrong. */
export async function run(client: Client, link: Link, work: Work, seconds: number): Promise<Measured> {
  switch (work.kind) {
    case 'echo':
      return saturate(work.inFlight, seconds, can(link.echo, 'unary calls').bind(link));
    case 'stream':
      return saturate(work.inFlight, seconds, can(link.stream, 'streams').bind(link));
    case 'items': {
      const items = can(link.items, 'subscriptions').bind(link);
      return drink(seconds, (arrived) => items(() => arrived(1)));
    }
    case 'bulk':
      return drink(seconds, can(link.bulk, 'bulk data').bind(link));
    case 'clone':
      return saturate(1, seconds, can(link.clone, 'clones').bind(link));
    case 'fetch':
      return saturate(work.inFlight, seconds, can(link.fetch, 'fetches').bind(link));
    case 'connect':
      return saturate(work.inFlight, seconds, () => visit(client));
  }
}

/** A connection is worth something once it has answered. */
async function visit(client: Client): Promise<void> {
  const link = await client.connect();
  await can(link.echo, 'unary calls').call(link);
  await link.close();
}
