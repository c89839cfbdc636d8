/**
 * Operations: typed functions of a node that others may call. `docs/spec/registry.md` 2.
 *
 * @module
 */

import type { OperationContext } from './context.ts';
import type { Static, TSchema } from './libraries/typebox.ts';

export type OperationType = 'query' | 'mutation' | 'subscription';
export type Visibility = 'external' | 'internal';

/** `docs/spec/registry.md` 5. */
export interface ResourceRule {
  readonly type?: string;
  readonly action?: string;
  /** JSON Pointer (RFC 6901) into the input, to the id of the resource. Needs `type`; excludes `list`. */
  readonly path?: string;
  /** The handler itself shows what is the caller's. */
  readonly list?: boolean;
}

/** At least one member; implies an identity. */
export interface AccessRule {
  readonly scopes?: readonly string[];
  readonly anyScopes?: readonly string[];
  readonly resource?: ResourceRule;
}

export type Access = 'public' | 'authenticated' | AccessRule;

/** A code that the operation may fail with, beside those of the call protocol. */
export interface DeclaredError {
  /** `^[A-Z][A-Z0-9_]{0,63}$` */
  readonly code: string;
  readonly description?: string;
  /** Of `details`. */
  readonly schema?: TSchema;
  /** 400 … 599 */
  readonly httpStatus?: number;
}

/** An operation without its handler: what discovery shows, and what a remote sends. */
export interface OperationSpec<
  Name extends string = string,
  Type extends OperationType = OperationType,
  Input extends TSchema = TSchema,
  Output extends TSchema = TSchema,
  Errors extends readonly DeclaredError[] = readonly DeclaredError[],
> {
  readonly name: Name;
  readonly type: Type;
  /** Default `external`. */
  readonly visibility?: Visibility;
  readonly access: Access;
  readonly input: Input;
  /** Of a subscription: one value. */
  readonly output: Output;
  readonly errors?: Errors;
  /** At most 100 characters, for people. */
  readonly title?: string;
  /** At most 2000 characters; its first sentence is what lists show. */
  readonly description?: string;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
  /** Default deadline in milliseconds; not for subscriptions. */
  readonly timeoutMs?: number;
}

/** What a handler of the type returns. */
export type HandlerResult<Type extends OperationType, Output extends TSchema> = Type extends 'subscription'
  ? AsyncGenerator<Static<Output>, void, undefined>
  : Promise<Static<Output>> | Static<Output>;

export type Handler<Type extends OperationType, Input extends TSchema, Output extends TSchema> = (
  input: Static<Input>,
  context: OperationContext,
) => HandlerResult<Type, Output>;

export interface Operation<
  Name extends string = string,
  Type extends OperationType = OperationType,
  Input extends TSchema = TSchema,
  Output extends TSchema = TSchema,
  Errors extends readonly DeclaredError[] = readonly DeclaredError[],
> extends OperationSpec<Name, Type, Input, Output, Errors> {
  readonly handler: Handler<Type, Input, Output>;
}

/** An operation of whatever types; what collections of operations hold. */
export interface AnyOperation extends OperationSpec {
  // A method, so that its parameters are compared bivariantly and every Operation<…> fits.
  handler(input: never, context: OperationContext): unknown;
}
