/**
 * Operations whose handlers run in the thread. To the registry they are like any other.
 *
 * @module
 */

import { type AnyOperation, checkOperation, type OperationContext } from '@alknet/sdk';
import type { Link } from '../link.ts';
import type { DescribedOperation, HostMethods, ThreadMethods } from '../protocol.ts';
import type { RunningCalls } from './running-calls.ts';

export class OperationProxies {
  readonly #link: Link<HostMethods, ThreadMethods>;
  readonly #calls: RunningCalls;

  constructor(link: Link<HostMethods, ThreadMethods>, calls: RunningCalls) {
    this.#link = link;
    this.#calls = calls;
  }

  /** @throws OperationFault, as of an operation of this thread */
  make({ handler, handlerKind, spec }: DescribedOperation): AnyOperation {
    const operation: unknown = { ...spec, handler: this.#handler(handler, handlerKind) };
    checkOperation(operation, 'imported');
    return Object.freeze(operation);
  }

  /** Of the kind of the original, so that what checks handlers sees what the author wrote. */
  #handler(id: number, kind: DescribedOperation['handlerKind']): unknown {
    const proxies = this;
    switch (kind) {
      case 'function':
        return (input: unknown, context: OperationContext) => proxies.#run(id, input, context);
      case 'async generator':
        return async function* (input: unknown, context: OperationContext) {
          yield* proxies.#stream(id, input, context);
        };
      case 'generator':
        return function* () {};
      case 'none':
        return undefined;
    }
  }

  async #run(handler: number, input: unknown, context: OperationContext): Promise<unknown> {
    const data = this.#calls.begin(context);
    try {
      return await this.#link.call('operation', [handler, input, data], { signal: context.signal });
    } catch (error) {
      throw this.#calls.original(data.call, error);
    } finally {
      this.#calls.end(data.call);
    }
  }

  async *#stream(
    handler: number,
    input: unknown,
    context: OperationContext,
  ): AsyncGenerator<unknown, void, undefined> {
    const data = this.#calls.begin(context);
    try {
      yield* this.#link.iterate('subscription', [handler, input, data], { signal: context.signal });
    } catch (error) {
      throw this.#calls.original(data.call, error);
    } finally {
      this.#calls.end(data.call);
    }
  }
}
