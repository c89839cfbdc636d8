/**
 * The configuration as the node uses it: one form for everything that the file may write in several ways.
 *
 * @module
 */

import { hostname } from 'node:os';
import { join } from 'node:path';
import { directories } from './acme-schema.ts';
import { fit } from './fit.ts';
import { parseAddress } from './parse-address.ts';
import type { Grant, PluginEntryFile } from './plugin-schema.ts';
import { pluginSchema } from './plugin-schema.ts';
import type { ConfigFile } from './schema.ts';

export interface ListenAddress {
  /** IP address, host name, or `*`. */
  readonly host: string;
  readonly port: number;
  /** Only these; absent: all. */
  readonly alpns?: readonly string[];
}

export interface QuicListen {
  readonly addresses: readonly ListenAddress[];
  readonly udpPayload: number;
  readonly loopbackUdpPayload: number;
  readonly keepAlive: boolean;
}

export interface TlsListen {
  readonly addresses: readonly (ListenAddress & { readonly fallbackAlpn: string | null })[];
}

export interface AcmeConfig {
  /** In lower case. */
  readonly domains: readonly string[];
  /** URL. */
  readonly directory: string;
  readonly contact: readonly string[];
  readonly cacheDir: string;
}

export interface PluginEntry {
  readonly name: string;
  /** Absent: the built-in plugin of that name. */
  readonly use?: string;
  readonly enabled: boolean;
  /** Absent: `inline` for built-in plugins, `worker` for all others. */
  readonly isolation?: 'inline' | 'worker';
  readonly config: Readonly<Record<string, unknown>>;
  readonly grant?: Grant;
  readonly limits: PluginEntryFile['limits'];
  readonly listeners?: readonly ('quic' | 'tls' | 'iroh')[];
  readonly requireIdentity: boolean;
}

/** Times in milliseconds, sizes in bytes, paths absolute; frozen to the bottom. */
export interface Config {
  readonly name: string;
  readonly dataDir: string;
  readonly listen: { readonly quic: QuicListen | false; readonly tls: TlsListen | false };
  readonly store: { readonly kind: 'embedded' };
  readonly vault: ConfigFile['vault'];
  readonly tls: Pick<ConfigFile['tls'], 'cert' | 'key' | 'minVersion' | 'handshakeTimeout' | 'ca'> & {
    readonly acme?: AcmeConfig;
  };
  readonly identity: ConfigFile['identity'];
  readonly limits: ConfigFile['limits'];
  readonly log: ConfigFile['log'];
  readonly plugins: Readonly<Record<string, PluginEntry>>;
  readonly peers: ConfigFile['peers'];
  readonly export: ConfigFile['export'];
  readonly trust: ConfigFile['trust'];
}

export type LogLevel = Config['log']['level'];

export interface Overrides {
  readonly dataDir: string;
  readonly logLevel?: LogLevel;
  readonly logFormat?: 'text' | 'json';
}

export function effectiveConfig(file: ConfigFile, overrides: Overrides): Config {
  const { acme, ...tls } = file.tls;
  const config: Config = {
    name: file.name ?? hostname().slice(0, 64),
    dataDir: overrides.dataDir,
    listen: { quic: quicListen(file.listen.quic), tls: tlsListen(file.listen.tls) },
    store: { kind: 'embedded' },
    vault: file.vault,
    tls: acme === undefined ? tls : { ...tls, acme: acmeConfig(acme, overrides.dataDir) },
    identity: file.identity,
    limits: file.limits,
    log: {
      ...file.log,
      level: overrides.logLevel ?? file.log.level,
      ...(overrides.logFormat === undefined ? {} : { format: overrides.logFormat }),
    },
    plugins: Object.fromEntries(
      Object.entries(file.plugins).map(([name, entry]) => [name, pluginEntry(name, entry)]),
    ),
    peers: file.peers,
    export: file.export,
    trust: file.trust,
  };
  return deepFreeze(config);
}

function acmeConfig(acme: NonNullable<ConfigFile['tls']['acme']>, dataDir: string): AcmeConfig {
  return {
    domains: acme.domains.map((name) => name.toLowerCase()),
    directory: directories.get(acme.directory) ?? acme.directory,
    contact: acme.contact,
    cacheDir: acme.cacheDir ?? join(dataDir, 'acme'),
  };
}

const noEntry = fit({}, pluginSchema, '/').value as PluginEntryFile;

function pluginEntry(name: string, entry: ConfigFile['plugins'][string]): PluginEntry {
  if (entry === true) return { name, ...noEntry };
  if (entry === false) return { name, ...noEntry, enabled: false };
  return { name, ...entry };
}

function quicListen(listen: ConfigFile['listen']['quic']): QuicListen | false {
  if (listen === false) return false;
  if (typeof listen === 'string') return quicListen([listen]);
  if (Array.isArray(listen)) {
    return {
      addresses: listen.map(parseAddress),
      udpPayload: 1350,
      loopbackUdpPayload: 8192,
      keepAlive: false,
    };
  }
  return {
    ...listen,
    addresses: listen.addresses.map((entry) => {
      if (typeof entry === 'string') return parseAddress(entry);
      return { ...parseAddress(entry.address), ...(entry.alpns === undefined ? {} : { alpns: entry.alpns }) };
    }),
  };
}

function tlsListen(listen: ConfigFile['listen']['tls']): TlsListen | false {
  if (listen === false) return false;
  if (typeof listen === 'string') return tlsListen([listen]);
  if (Array.isArray(listen)) {
    return { addresses: listen.map((address) => ({ ...parseAddress(address), fallbackAlpn: 'http/1.1' })) };
  }
  return {
    addresses: listen.addresses.map((entry) => {
      if (typeof entry === 'string') return { ...parseAddress(entry), fallbackAlpn: listen.fallbackAlpn };
      return {
        ...parseAddress(entry.address),
        ...(entry.alpns === undefined ? {} : { alpns: entry.alpns }),
        fallbackAlpn: entry.fallbackAlpn === undefined ? listen.fallbackAlpn : entry.fallbackAlpn,
      };
    }),
  };
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
