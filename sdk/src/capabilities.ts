/**
 * Named secrets and keys that the operator granted: what a plugin gets instead of the vault. `docs/spec/vault.md` 12.
 *
 * @module
 */

import { inspect } from 'node:util';

/** An Ed25519 or secp256k1 pair handed over by a key capability. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Key capabilities, made by the host; each member is there only if its name was granted. */
export interface KeyCapabilities {
  readonly 'ssh.hostKey'?: () => KeyPair;
  /** Signs with the node's identity key, and only bytes of the purpose's shape. */
  readonly 'identity.sign'?: (bytes: Uint8Array) => Uint8Array;
  /** Ed25519 pair of device n ≥ 1. */
  readonly 'device.key'?: (n: number) => KeyPair;
  readonly 'ethereum.key'?: () => KeyPair;
}

export type KeyCapabilityName = keyof KeyCapabilities;

type Values = ReadonlyMap<string, Uint8Array>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Immutable; cannot be serialised, and shows names only. Values are kept as bytes that `dispose()` overwrites.
 *
 * @example
 * const key = context.capabilities.get('weather-api');
 */
export class Capabilities {
  readonly #apiKeys: Values;
  readonly #tokens: Values;
  readonly #keys: KeyCapabilities;
  readonly #missed: ((name: string) => void) | undefined;
  #disposed = false;

  constructor(
    keys: KeyCapabilities = {},
    apiKeys: Values = new Map(),
    tokens: Values = new Map(),
    missed?: (name: string) => void,
  ) {
    this.#keys = keys;
    this.#missed = missed;
    this.#apiKeys = apiKeys;
    this.#tokens = tokens;
    Object.freeze(this);
  }

  /** A new object that has that value too; this one stays as it was. */
  withApiKey(name: string, value: string): Capabilities {
    this.#check();
    return new Capabilities(
      this.#keys,
      copy(this.#apiKeys).set(name, encoder.encode(value)),
      copy(this.#tokens),
      this.#missed,
    );
  }

  withHttpToken(name: string, value: string): Capabilities {
    this.#check();
    return new Capabilities(
      this.#keys,
      copy(this.#apiKeys),
      copy(this.#tokens).set(name, encoder.encode(value)),
      this.#missed,
    );
  }

  /** An API key goes before a token of the same name. */
  get(name: string): string | undefined {
    this.#check();
    const value = this.#apiKeys.get(name) ?? this.#tokens.get(name);
    if (value === undefined) this.#missed?.(name);
    return value && decoder.decode(value);
  }

  /** A key capability, or `undefined` when it was not granted. */
  key<Name extends KeyCapabilityName>(name: Name): KeyCapabilities[Name] {
    this.#check();
    const key = this.#keys[name];
    if (key === undefined) this.#missed?.(name);
    return key;
  }

  has(name: string): boolean {
    return this.names().includes(name);
  }

  names(): string[] {
    this.#check();
    return [...new Set([...this.#apiKeys.keys(), ...this.#tokens.keys(), ...Object.keys(this.#keys)])].sort();
  }

  clone(): Capabilities {
    this.#check();
    return this.reporting(this.#missed);
  }

  /** A copy that tells which names were asked for in vain. The host tells its operator so. */
  reporting(missed: ((name: string) => void) | undefined): Capabilities {
    this.#check();
    return new Capabilities(this.#keys, copy(this.#apiKeys), copy(this.#tokens), missed);
  }

  /** Overwrites the values of this copy; other copies are not disturbed. */
  dispose(): void {
    this.#disposed = true;
    for (const value of [...this.#apiKeys.values(), ...this.#tokens.values()]) value.fill(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(): void {
    if (this.#disposed)
      throw new Error('Capabilities have been disposed of; take them from the context of each call');
  }

  toJSON(): never {
    throw new TypeError('Capabilities cannot be serialised: they hold secrets');
  }

  [inspect.custom](): string {
    return `Capabilities { ${this.#disposed ? 'disposed' : this.names().join(', ')} }`;
  }
}

// The members of every instance, those of other plugins included.
Object.freeze(Capabilities.prototype);

function copy(values: Values): Map<string, Uint8Array> {
  return new Map([...values].map(([name, value]) => [name, value.slice()]));
}

/** Grants nothing. */
export const noCapabilities = new Capabilities();
