/**
 * Composition with types: the operations that a handler composes, by name, input and output, without a cast.
 *
 * @example
 * handler: async (input, { env }) => {
 *   const { number } = await clientOf(env, [nextNumber]).call('invoice/next-number', {});
 *   const { iso } = await clientOf<typeof clock>(env).call('acme-clock/now', {}); // after `import type clock from …`
 * }
 *
 * @module
 */

import { type Client, makeClient, type PluginClient, type PluginType } from './call/client.ts';
import type { CallOptions } from './call/request-text.ts';
import type { Caller } from './context.ts';
import type { AnyOperation } from './operation.ts';

/** `env` of a handler, or `host.operations`, typed by operation definitions. */
export function clientOf<const Operations extends readonly AnyOperation[]>(
  caller: Caller,
  operations: Operations,
): Client<Operations>;
/** The same by the type of a plugin alone. */
export function clientOf<Of extends PluginType>(caller: Caller): PluginClient<Of>;
export function clientOf(
  caller: Caller,
  operations: readonly AnyOperation[] = [],
): Client<readonly AnyOperation[]> {
  return makeClient(operations, {
    call: (name, input, options) => caller.invoke(name, input, options && invokeOptions(options)),
    subscribe: (name, input, options) =>
      each(caller.subscribe(name, input, options && invokeOptions(options))),
  });
}

/** Those of a call over a wire that a composed call has, too. */
function invokeOptions({ signal, timeoutMs }: CallOptions) {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

async function* each(values: AsyncIterable<unknown>): AsyncGenerator<unknown, undefined, undefined> {
  for await (const value of values) yield value;
}
