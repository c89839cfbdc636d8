/**
 * What handlers in the thread ask of their contexts: composition, resources, the other side of the session.
 * `docs/spec/registry.md` 7 to 9.
 *
 * @module
 */

import { CallError, type CallerConnection, type HostOperations, type OperationEnv } from '@alknet/sdk';
import type { Composer, HostMethods } from '../protocol.ts';
import type { Scope, Served } from '../serving.ts';
import type { OperationProxies } from './operations.ts';
import type { RunningCalls } from './running-calls.ts';

type Methods = Pick<
  Served<HostMethods>,
  | 'invoke'
  | 'subscribe'
  | 'envCan'
  | 'envPeers'
  | 'peerConnected'
  | 'envWith'
  | 'resourceRecord'
  | 'resourceRevoke'
  | 'resourceOwns'
  | 'resourceOwned'
  | 'callerCall'
  | 'callerSubscribe'
>;

export function serveComposition(
  calls: RunningCalls,
  operations: Pick<HostOperations, 'invoke' | 'subscribe'>,
  proxies: OperationProxies,
): Methods {
  const composer = (by: Composer) => (by.call === 0 ? operations : calls.env(by));
  const env = (by: Composer): OperationEnv => {
    const found = calls.env({ call: by.call, env: by.env });
    if ('can' in found) return found;
    throw new Error('a peer is no env');
  };
  const resources = (call: number) => calls.running(call).resources;
  const caller = (call: number): CallerConnection => {
    const { connection } = calls.running(call);
    if (connection === null) throw new CallError('ABORTED', 'aborted');
    return connection;
  };
  /** What a handler is given as failure is known again when it throws it. */
  async function* marked(call: number, values: AsyncIterable<unknown>) {
    try {
      yield* values;
    } catch (error) {
      throw calls.given(call, error);
    }
  }
  const optionsIn = <Options extends object>({ signal }: Scope, options: Options) => ({ ...options, signal });

  return {
    invoke: async (scope, by, name, input, options) => {
      try {
        return await composer(by).invoke(name, input, optionsIn(scope, options));
      } catch (error) {
        throw calls.given(by.call, error);
      }
    },
    subscribe: (scope, by, name, input, options) =>
      marked(by.call, composer(by).subscribe(name, input, optionsIn(scope, options))),
    envCan: (_scope, by, name) => env(by).can(name),
    envPeers: (_scope, by, name) => env(by).peers(name),
    peerConnected: (_scope, by) => {
      const peer = calls.env(by);
      return 'connected' in peer && peer.connected;
    },
    envWith: (_scope, by, described) =>
      calls.addEnv(by.call, env(by).with(described.map((operation) => proxies.make(operation)))),
    resourceRecord: (_scope, call, type, id) => resources(call).record(type, id),
    resourceRevoke: (_scope, call, type, id) => resources(call).revoke(type, id),
    resourceOwns: (_scope, call, type, id) => resources(call).owns(type, id),
    resourceOwned: (_scope, call, type) => resources(call).owned(type),
    callerCall: (scope, call, name, input, options) =>
      caller(call).call(name, input, optionsIn(scope, options)),
    callerSubscribe: (scope, call, name, input, options) =>
      caller(call).subscribe(name, input, optionsIn(scope, options)),
  };
}
