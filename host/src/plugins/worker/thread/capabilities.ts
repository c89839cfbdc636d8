/**
 * Capabilities in a thread: values of secrets come as bytes of its own, which `dispose()` wipes; what a key capability
 * does is done by the host. `docs/spec/vault.md` 12.
 *
 * @module
 */

import { Capabilities, type KeyCapabilities, type KeyPair } from '@alknet/sdk';
import type { CapabilityBytes } from '../protocol.ts';
import type { HostLink } from './thread.ts';

/** `call` is the running call that they belong to, 0 for the plugin itself. */
export function threadCapabilities(
  link: HostLink,
  call: number,
  { values, keys }: CapabilityBytes,
): Capabilities {
  const use = (name: string, argument?: unknown) => link.callSync('capabilityKey', call, name, argument);
  const pair = (name: string, argument?: unknown) => use(name, argument) as KeyPair;
  const all: Required<KeyCapabilities> = {
    'ssh.hostKey': () => pair('ssh.hostKey'),
    'identity.sign': (bytes) => use('identity.sign', bytes) as Uint8Array,
    'device.key': (n) => pair('device.key', n),
    'ethereum.key': () => pair('ethereum.key'),
  };
  const granted: KeyCapabilities = Object.fromEntries(
    Object.entries(all).filter(([name]) => keys.includes(name)),
  );
  return new Capabilities(granted, new Map(values), new Map(), (name) =>
    link.tell('capabilityMissed', call, name),
  );
}
