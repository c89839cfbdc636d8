/**
 * The handlers of a plugin's thread, by the numbers that the host knows them by.
 *
 * @module
 */

import type { AnyOperation, OperationContext } from '@alknet/sdk';
import type { DescribedOperation } from '../protocol.ts';

const GeneratorFunction: unknown = Object.getPrototypeOf(function* () {}).constructor;
const AsyncGeneratorFunction: unknown = Object.getPrototypeOf(async function* () {}).constructor;

export class Handlers {
  readonly #operations = new Map<number, AnyOperation>();
  #made = 0;

  /** What the host gets of an operation; its handler waits here until it is forgotten. */
  describe(operation: AnyOperation): DescribedOperation {
    const { handler, ...spec } = operation;
    const number = ++this.#made;
    this.#operations.set(number, operation);
    return { handler: number, handlerKind: kindOf(handler), spec };
  }

  forget(numbers: readonly number[]): void {
    for (const number of numbers) this.#operations.delete(number);
  }

  /** Runs the handler, as a method of its operation. */
  run(number: number, input: unknown, context: OperationContext): unknown {
    const operation = this.#operations.get(number);
    if (operation === undefined) throw new Error(`there is no handler ${number}`);
    // The host has checked the input against the schema from which the handler's type was made.
    return operation.handler(input as never, context);
  }
}

function kindOf(handler: unknown): DescribedOperation['handlerKind'] {
  if (typeof handler !== 'function') return 'none';
  const made = handler.constructor;
  if (made === AsyncGeneratorFunction) return 'async generator';
  return made === GeneratorFunction ? 'generator' : 'function';
}
