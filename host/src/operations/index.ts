/**
 * The operations of the host itself. `docs/spec/registry.md` 15.
 *
 * @module
 */

import type { AnyOperation } from '@alknet/sdk';
import type { LiveConfig } from '../config/index.ts';
import type { Endpoint } from '../endpoint/index.ts';
import type { LogTail } from '../log/index.ts';
import type { NodePeers } from '../node/peers.ts';
import type { SwitchPlugin } from '../node/plugin-switch.ts';
import type { PluginSupervisor } from '../plugins/index.ts';
import type { Registry } from '../registry/registry.ts';
import { configOperations } from './config.ts';
import { connectionOperations } from './connections.ts';
import { logOperation } from './log.ts';
import { peerOperations } from './peers.ts';
import { pluginOperations } from './plugins.ts';
import { type NodeStatus, statusOperation } from './status.ts';
import { tokenOperations } from './tokens.ts';

export type { NodeStatus } from './status.ts';

export interface HostParts {
  readonly status: () => NodeStatus;
  readonly endpoint: Endpoint;
  readonly registry: Registry;
  readonly supervisor: PluginSupervisor;
  readonly switchPlugin: SwitchPlugin;
  readonly peers: NodePeers;
  readonly live: LiveConfig;
  readonly logTail: LogTail;
}

/** All but `host/operations`, which the registry has of itself. */
export function hostOperations(parts: HostParts): AnyOperation[] {
  return [
    statusOperation(parts.status),
    ...connectionOperations(parts.endpoint, parts.registry),
    ...pluginOperations(parts),
    ...peerOperations(parts.peers, parts.endpoint),
    ...tokenOperations(parts.peers),
    logOperation(parts.logTail),
    ...configOperations(parts.live),
  ];
}
