/**
 * The typed client: names, inputs, outputs and error codes from operation definitions, without a cast.
 *
 * @example
 * const client = session.client([now, ticks]);
 * const { iso } = await client.call('clock/now', {});
 *
 * @module
 */

import type { Static } from 'typebox';
import type { AnyOperation, OperationType } from '../operation.ts';
import type { CallOptions, KnownOperation } from './outgoing.ts';

type Named<Operations extends readonly AnyOperation[], Name> = Extract<Operations[number], { name: Name }>;
type NamesOf<Operations extends readonly AnyOperation[], Type extends OperationType> = Extract<
  Operations[number],
  { type: Type }
>['name'];

export interface Client<Operations extends readonly AnyOperation[]> {
  /** @throws CallError */
  call<Name extends NamesOf<Operations, 'query' | 'mutation'>>(
    name: Name,
    input: Static<Named<Operations, Name>['input']>,
    options?: CallOptions,
  ): Promise<Static<Named<Operations, Name>['output']>>;

  /** @throws CallError, from the iterator */
  subscribe<Name extends NamesOf<Operations, 'subscription'>>(
    name: Name,
    input: Static<Named<Operations, Name>['input']>,
    options?: CallOptions,
  ): AsyncIterableIterator<Static<Named<Operations, Name>['output']>, undefined, undefined>;
}

export interface ClientSession {
  call(name: string, input: unknown, options: CallOptions | undefined, known: KnownOperation): Promise<unknown>;
  subscribe(
    name: string,
    input: unknown,
    options: CallOptions | undefined,
    known: KnownOperation,
  ): AsyncIterableIterator<unknown, undefined, undefined>;
}

export function makeClient<const Operations extends readonly AnyOperation[]>(
  operations: Operations,
  session: ClientSession,
): Client<Operations> {
  const known = new Map<string, KnownOperation>(
    operations.map(({ name, timeoutMs, errors }) => [
      name,
      {
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        errorCodes: new Set(errors?.map(({ code }) => code)),
      },
    ]),
  );
  const client = {
    call: (name: string, input: unknown, options?: CallOptions) =>
      session.call(name, input, options, known.get(name) ?? {}),
    subscribe: (name: string, input: unknown, options?: CallOptions) =>
      session.subscribe(name, input, options, known.get(name) ?? {}),
  };
  return client as Client<Operations>;
}
