/**
 * The typed client: names, inputs, outputs and error codes from operation definitions, without a cast.
 *
 * @example
 * const client = session.client([now, ticks]);
 * const { iso } = await client.call('clock/now', {});
 * // in a catch: if (client.isError(error, 'clock/now', 'NO_TIME')) error.details is typed
 *
 * A program that has only the type of the plugin says so instead, and gets what travels: bytes as base64 text, 64-bit
 * integers as decimal text.
 *
 * @example
 * import type clock from 'acme-clock';
 * const client = session.client<typeof clock>();
 *
 * @module
 */

import { codecOf } from '../codec.ts';
import { CallError } from '../errors.ts';
import type { Static, TSchema } from '../libraries/typebox.ts';
import type { OperationSpec, OperationType } from '../operation.ts';
import type { CallOptions, KnownOperation } from './request-text.ts';

type Named<Operations extends readonly OperationSpec[], Name> = Extract<Operations[number], { name: Name }>;
type NamesOf<Operations extends readonly OperationSpec[], Type extends OperationType> = Extract<
  Operations[number],
  { type: Type }
>['name'];

type ErrorsOf<Operations extends readonly OperationSpec[], Name> = NonNullable<
  Named<Operations, Name>['errors']
>[number];
type DetailsOf<Operations extends readonly OperationSpec[], Name, Code> =
  Extract<ErrorsOf<Operations, Name>, { code: Code }> extends { schema: infer Schema extends TSchema }
    ? Static<Schema>
    : unknown;

export interface Client<Operations extends readonly OperationSpec[]> {
  /** @throws CallError */
  call<Name extends NamesOf<Operations, 'query' | 'mutation'>>(
    name: Name,
    input: Exact<Static<Named<Operations, Name>['input']>>,
    options?: CallOptions,
  ): Promise<Static<Named<Operations, Name>['output']>>;

  /** @throws CallError, from the iterator */
  subscribe<Name extends NamesOf<Operations, 'subscription'>>(
    name: Name,
    input: Exact<Static<Named<Operations, Name>['input']>>,
    options?: CallOptions,
  ): AsyncIterableIterator<Static<Named<Operations, Name>['output']>, undefined, undefined>;

  /** Whether it is that error, which the operation declares: its `details` are typed then. */
  isError<Name extends Operations[number]['name'], Code extends ErrorsOf<Operations, Name>['code']>(
    error: unknown,
    name: Name,
    code: Code,
  ): error is CallError & { readonly code: Code; readonly details: DetailsOf<Operations, Name, Code> };
}

/** What the type of a plugin tells of it. */
export interface PluginType {
  readonly operations?: readonly OperationSpec[] | undefined;
}

/** The operations of a plugin, given its type. */
export type OperationsOf<Of extends PluginType> = NonNullable<Of['operations']>;

/** As JSON carries it: without the operation's schema nobody knows what to make of the text. */
export type Wire<Value> = Value extends Uint8Array | bigint
  ? string
  : Value extends object
    ? { [Key in keyof Value]: Wire<Value[Key]> }
    : Value;

/** `{}` would let everything pass. */
type Exact<Value> = [keyof Value] extends [never]
  ? unknown extends Value
    ? Value
    : Value extends object
      ? Record<string, never>
      : Value
  : Value;

/** What a client knows of a plugin whose type it imports and whose code it does not have. */
export interface PluginClient<Of extends PluginType> {
  /** @throws CallError */
  call<Name extends NamesOf<OperationsOf<Of>, 'query' | 'mutation'>>(
    name: Name,
    input: Exact<Static<Named<OperationsOf<Of>, Name>['input']>>,
    options?: CallOptions,
  ): Promise<Wire<Static<Named<OperationsOf<Of>, Name>['output']>>>;

  /** @throws CallError, from the iterator */
  subscribe<Name extends NamesOf<OperationsOf<Of>, 'subscription'>>(
    name: Name,
    input: Exact<Static<Named<OperationsOf<Of>, Name>['input']>>,
    options?: CallOptions,
  ): AsyncIterableIterator<Wire<Static<Named<OperationsOf<Of>, Name>['output']>>, undefined, undefined>;

  /** Whether it is that error, which the operation declares: its `details` are typed then. */
  isError<
    Name extends OperationsOf<Of>[number]['name'],
    Code extends ErrorsOf<OperationsOf<Of>, Name>['code'],
  >(
    error: unknown,
    name: Name,
    code: Code,
  ): error is CallError & {
    readonly code: Code;
    readonly details: Wire<DetailsOf<OperationsOf<Of>, Name, Code>>;
  };
}

export interface ClientSession {
  call(
    name: string,
    input: unknown,
    options: CallOptions | undefined,
    known: KnownOperation,
  ): Promise<unknown>;
  subscribe(
    name: string,
    input: unknown,
    options: CallOptions | undefined,
    known: KnownOperation,
  ): AsyncIterableIterator<unknown, undefined, undefined>;
}

interface Facts {
  readonly known: KnownOperation;
  /** From JSON to what the schema declares: `Bytes()` to bytes, `Int64()` to a bigint. */
  readonly decode: ((output: unknown) => unknown) | undefined;
}

const noFacts: Facts = { known: {}, decode: undefined };

export function makeClient<const Operations extends readonly OperationSpec[]>(
  operations: Operations,
  session: ClientSession,
): Client<Operations> {
  const facts = new Map(operations.map((operation) => [operation.name, factsOf(operation)]));
  const client = {
    call: (name: string, input: unknown, options?: CallOptions) => {
      const { known, decode } = facts.get(name) ?? noFacts;
      const output = session.call(name, input, options, known);
      return decode === undefined ? output : output.then(decode);
    },
    subscribe: (name: string, input: unknown, options?: CallOptions) => {
      const { known, decode } = facts.get(name) ?? noFacts;
      const values = session.subscribe(name, input, options, known);
      return decode === undefined ? values : decoded(values, decode);
    },
    isError: (error: unknown, _name: string, code: string) =>
      error instanceof CallError && error.code === code,
  };
  return client as Client<Operations>;
}

function factsOf({ timeoutMs, errors, output }: OperationSpec): Facts {
  return {
    known: {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      errorCodes: new Set(errors?.map(({ code }) => code)),
    },
    decode: codecOf(output)?.decode,
  };
}

type Values = AsyncIterableIterator<unknown, undefined, undefined>;

function decoded(values: Values, decode: (output: unknown) => unknown): Values {
  return {
    [Symbol.asyncIterator]() {
      values[Symbol.asyncIterator]();
      return this;
    },
    next: async () => {
      const next = await values.next();
      return next.done === true ? next : { done: false, value: decode(next.value) };
    },
    return: async () => {
      await values.return?.();
      return { done: true, value: undefined };
    },
  };
}
