/**
 * What a schema cannot say: members that contradict each other, and what this build does not have.
 * `docs/spec/config.md` 13. What needs the plugins themselves (ALPNs, services) is checked where they load.
 *
 * @module
 */

import { formatBytes, formatDuration } from '@alknet/sdk/units';
import { acmeFindings } from './acme-schema.ts';
import type { Finding, Path } from './problems.ts';
import type { ConfigFile } from './schema.ts';

export function crossChecks(file: ConfigFile): Finding[] {
  return [
    ...notInThisBuild(file),
    ...limits(file),
    ...addresses(file),
    ...acmeFindings(file),
    ...peers(file),
    ...exported(file),
  ];
}

function* notInThisBuild(file: ConfigFile): Generator<Finding> {
  const refuse = (path: Path, what: string, instead: string): Finding => ({
    path,
    message: `${what} is not available in this build; ${instead}`,
  });
  if (file.listen.iroh !== false) yield refuse(['listen', 'iroh'], 'iroh', 'write false or remove the key');
  if (file.store.kind === 'nats')
    yield refuse(['store', 'kind'], 'the store "nats"', 'write "embedded" or remove the key');
  for (const key of ['servers', 'prefix', 'credentials'] as const) {
    if (file.store[key] !== undefined && file.store.kind === 'embedded') {
      yield { path: ['store', key], message: 'belongs to the store "nats" only; remove the key' };
    }
  }
  if (file.trust.mode === 'signed' && Object.keys(file.trust.publishers).length === 0) {
    yield { path: ['trust', 'mode'], message: 'mode "signed" needs trust.publishers, and there are none' };
  }
  for (const [name, entry] of Object.entries(file.plugins)) {
    if (typeof entry === 'boolean' || !entry.enabled) continue;
    if (entry.listeners?.includes('iroh')) {
      yield refuse(['plugins', name, 'listeners'], 'the listener "iroh"', 'leave it out');
    }
  }
  for (const [alias, peer] of Object.entries(file.peers)) {
    if (!peer.enabled) continue;
    if (peer.transport === 'iroh') yield refuse(['peers', alias, 'transport'], 'iroh', 'write "auto"');
  }
}

function* limits({ limits }: ConfigFile): Generator<Finding> {
  const { bufferedPerConnection, frame, buffered, callTimeout, callTimeoutMax } = limits;
  if (bufferedPerConnection < 2 * frame) {
    yield atLeast(
      'bufferedPerConnection',
      formatBytes(bufferedPerConnection),
      'twice limits.frame',
      formatBytes(frame),
    );
  }
  if (buffered < bufferedPerConnection) {
    yield atLeast(
      'buffered',
      formatBytes(buffered),
      'limits.bufferedPerConnection',
      formatBytes(bufferedPerConnection),
    );
  }
  if (callTimeoutMax < callTimeout) {
    yield atLeast(
      'callTimeoutMax',
      formatDuration(callTimeoutMax),
      'limits.callTimeout',
      formatDuration(callTimeout),
    );
  }
}

function atLeast(key: string, value: string, other: string, otherValue: string): Finding {
  return {
    path: ['limits', key],
    message: `expected at least ${other} (${otherValue}), found ${value}`,
    expected: `at least ${other} (${otherValue})`,
    received: value,
  };
}

function* addresses({ listen }: ConfigFile): Generator<Finding> {
  for (const transport of ['quic', 'tls'] as const) {
    const value = listen[transport];
    const list =
      value === false
        ? []
        : typeof value === 'string'
          ? [value]
          : Array.isArray(value)
            ? value
            : value.addresses;
    const at: Path = [
      'listen',
      transport,
      ...(typeof value === 'object' && !Array.isArray(value) ? ['addresses'] : []),
    ];
    const seen = new Map<string, number>();
    for (const [index, entry] of list.entries()) {
      const address = typeof entry === 'string' ? entry : entry.address;
      const path = typeof value === 'string' ? at : [...at, index];
      const port = Number(address.slice(address.lastIndexOf(':') + 1));
      if (port > 65_535) yield { path, message: `expected a port from 0 to 65535, found ${port}` };
      const earlier = seen.get(address);
      // Two listeners at port 0 get two ports.
      if (earlier !== undefined && port !== 0) {
        yield {
          path,
          message: `the address ${address} stands in the list twice, at ${earlier} and ${index}`,
        };
      }
      seen.set(address, index);
    }
  }
}

function* peers(file: ConfigFile): Generator<Finding> {
  const pins = new Map<string, { alias: string; peer: string | undefined }>();
  const prefixes = new Map<string, string>();
  for (const [alias, peer] of Object.entries(file.peers)) {
    for (const [index, text] of peer.fingerprints.entries()) {
      const pin = text.toLowerCase();
      const other = pins.get(pin);
      if (other !== undefined && other.alias !== alias && other.peer !== peer.peer) {
        yield {
          path: ['peers', alias, 'fingerprints', index],
          message: `this pin stands under ${other.alias} too, with another peer`,
        };
      }
      pins.set(pin, { alias, peer: peer.peer });
    }
    if (peer.import === undefined) continue;
    const prefix = (peer.import === true ? undefined : peer.import.prefix) ?? `${alias}/`;
    const path = ['peers', alias, 'import'];
    const service = prefix.slice(0, prefix.indexOf('/'));
    if (!/^[a-z][a-zA-Z0-9-]*$/.test(service)) {
      yield { path, message: `"${service}" cannot begin a name; give import.prefix` };
    } else if (reserved.has(service) || Object.hasOwn(file.plugins, service)) {
      yield {
        path,
        message: `the prefix ${prefix} begins with ${service}, which is ${reserved.has(service) ? 'reserved' : 'a plugin'}; give another import.prefix`,
      };
    }
    for (const [earlier, holder] of prefixes) {
      if (earlier.startsWith(prefix) || prefix.startsWith(earlier)) {
        yield {
          path,
          message: `the prefix ${prefix} collides with ${earlier} of peer ${holder}; give another import.prefix`,
        };
      }
    }
    prefixes.set(prefix, alias);
  }
}

const reserved = new Set(['host', 'services', 'vault', 'local', 'peer', 'session']);

function* exported(file: ConfigFile): Generator<Finding> {
  const names = new Map<string, number>();
  for (const [index, entry] of file.export.entries()) {
    const operations = typeof entry.operations === 'string' ? [entry.operations] : entry.operations;
    for (const operation of operations) {
      const service = operation.split('/')[0] ?? '';
      if (Object.hasOwn(file.plugins, service)) {
        yield {
          path: ['export', index, 'operations'],
          message: `${operation} belongs to the plugin ${service}; only imported operations are exported`,
        };
      }
    }
    for (const name of entry.as === undefined ? operations : [entry.as]) {
      const earlier = names.get(name);
      if (earlier !== undefined) {
        yield {
          path: ['export', index],
          message: `${name} is exported twice, by export.${earlier} and export.${index}`,
        };
      }
      names.set(name, index);
    }
  }
}
