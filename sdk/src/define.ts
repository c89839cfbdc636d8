/**
 * `definePlugin` and `defineOperation`: types flow from the schemas to handler and client without a cast.
 *
 * @example
 * export default definePlugin({
 *   name: 'clock',
 *   version: '1.0.0',
 *   operations: [
 *     defineOperation({
 *       name: 'clock/now',
 *       type: 'query',
 *       access: 'public',
 *       input: Type.Object({}),
 *       output: Type.Object({ iso: Type.String() }),
 *       handler: () => ({ iso: new Date().toISOString() }),
 *     }),
 *   ],
 * });
 *
 * @module
 */

import type { TSchema } from './libraries/typebox.ts';
import type { AnyOperation, DeclaredError, Operation, OperationType } from './operation.ts';
import { checkOperation } from './operation-check.ts';
import type { Plugin } from './plugin.ts';

/**
 * A frozen operation; registers nothing.
 * @throws OperationFault when it could never be registered (`docs/spec/registry.md` 2).
 */
export function defineOperation<
  const Name extends string,
  const Type extends OperationType,
  Input extends TSchema,
  Output extends TSchema,
  const Errors extends readonly DeclaredError[] = readonly [],
>(operation: Operation<Name, Type, Input, Output, Errors>): Operation<Name, Type, Input, Output, Errors> {
  checkOperation(operation);
  return Object.freeze({ ...operation });
}

/**
 * A frozen plugin, to be the default export of its module. Its type carries the types of its operations: a client that
 * imports nothing but that type has names, inputs and outputs checked (`Session.client`).
 */
export function definePlugin<
  Config extends TSchema = TSchema,
  const Operations extends readonly AnyOperation[] = readonly [],
>(plugin: Plugin<Config, Operations>): Plugin<Config, Operations> {
  return Object.freeze({ ...plugin });
}
