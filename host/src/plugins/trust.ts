/**
 * Whether the code of a plugin may run: `trust.mode`, the lock and the signature. `docs/spec/config.md` 8.
 *
 * @module
 */

import { join } from 'node:path';
import type { Config } from '../config/effective.ts';
import { writableByOthers, writableText } from '../config/writable.ts';
import type { PluginProvenance } from '../registry/registration.ts';
import type { CodeOrigin } from './code-origin.ts';
import { changedFiles } from './files-manifest.ts';
import { noFiles } from './integrity.ts';
import { type LockEntry, LockFormatError, lockPath, readLock } from './lock-file.ts';
import { filesFile, signatureFile } from './package-files.ts';
import { PluginError } from './plugin-error.ts';
import type { Located } from './resolve.ts';
import { checkSignature, type SignatureCheck } from './signature.ts';

export type Trust = Config['trust'];
type Signer = NonNullable<PluginProvenance['signer']>;

/** The mode refuses this code; what was expected and what was found stands in the message. */
export class TrustError extends PluginError {
  override readonly name = 'TrustError';
}

export interface Vouched {
  /** The publisher whose valid signature the package has. */
  readonly signer: Signer | undefined;
  /** What the mode lets pass and an operator should know. */
  readonly problems: readonly string[];
}

export interface TrustQuestion {
  readonly name: string;
  readonly trust: Trust;
  /** Of the configuration and its lock. */
  readonly directory: string;
  readonly located: Located;
  readonly origin: CodeOrigin;
  /** Absolute paths of what was bundled. */
  readonly inputs: Iterable<string>;
  /** Whether the lock has a say; default yes. */
  readonly lock?: boolean;
}

/** @throws TrustError */
export async function vouch(question: TrustQuestion): Promise<Vouched> {
  const { name, trust, directory, located, origin, lock = true } = question;
  const { facts } = located;
  const refuse = (what: string): never => {
    throw new TrustError(`plugin ${name} is refused under trust.mode "${trust.mode}": ${what}`);
  };
  const problems: string[] = [];
  /** What a strict mode refuses, and the other tells. */
  const note = (what: string) => (trust.mode === 'any' ? void problems.push(what) : refuse(what));

  const writable = writableText(await writableByOthers(pathsOf(question)));
  if (writable !== undefined) note(writable);
  if (facts === undefined) {
    if (trust.mode !== 'any')
      refuse(`expected a package with a manifest in its package.json, found the single file ${located.root}`);
    return { signer: undefined, problems };
  }
  const signed = { name: facts.manifest.name, version: facts.version, integrity: origin.integrity };
  const signature = await checkSignature(located.root, signed);
  const signer = signature.state === 'good' ? publisherOf(signature.key, trust) : undefined;
  const changes = async (expected: string) => {
    const files = await changedFiles(located.root, origin.files, expected);
    return files.length === 0 ? '' : `; ${listed(files)}`;
  };
  if (signature.state === 'bad' && trust.mode !== 'signed') note(signature.fault);
  if (trust.mode === 'any') return { signer, problems };

  if (trust.mode === 'signed') {
    const wanted = `expected a signature by a publisher (${Object.keys(trust.publishers).join(', ')})`;
    if (signature.state === 'none') refuse(`${wanted}, found no ${signatureFile} in ${located.root}`);
    else if (signature.state === 'bad') refuse(`${signature.fault}${await changes(signature.signed ?? '')}`);
    else if (signer === undefined) refuse(`${wanted}, found one by ${signature.key}`);
    if (origin.modules !== noFiles) {
      const paths = origin.outside.map(({ path }) => path);
      refuse(
        `expected all code in the signed package, found modules of other packages in its bundle: ${listed(paths)}; pack it with: alknet plugin pack --bundle`,
      );
    }
  }
  const entry = lock ? await lockEntry(name, directory, refuse) : undefined;
  if (entry === undefined) {
    if (trust.mode === 'locked')
      refuse(
        `expected an entry in ${lockPath(directory)}, found none; take it as it is with: alknet plugin add`,
      );
    return { signer, problems };
  }
  const fault = lockFault(entry, { ...facts, ...origin }, signature);
  if (fault !== undefined) refuse(`${fault}${await changes(entry.integrity)}`);
  return { signer, problems };
}

async function lockEntry(
  name: string,
  directory: string,
  refuse: (what: string) => never,
): Promise<LockEntry | undefined> {
  try {
    const entries = await readLock(lockPath(directory));
    return Object.hasOwn(entries, name) ? entries[name] : undefined;
  } catch (error) {
    if (error instanceof LockFormatError) return refuse(error.message);
    throw error;
  }
}

interface Found {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly modules: string;
}

/** What is not as it was locked, for people. */
export function lockFault(entry: LockEntry, found: Found, signature: SignatureCheck): string | undefined {
  const key = signature.state === 'good' ? signature.key : undefined;
  const rows: readonly [string, string, string][] = [
    ['package', entry.package, found.name],
    ['version', entry.version, found.version],
    ['integrity', entry.integrity, found.integrity],
    ['modules', entry.modules, found.modules],
  ];
  for (const [member, expected, value] of rows) {
    if (expected !== value) return `${member}: alknet.lock.json expects ${expected}, found ${value}`;
  }
  // The signature is no part of what it signs.
  if (entry.signer !== undefined && entry.signer !== key)
    return `signer: alknet.lock.json expects ${entry.signer}, found ${key ?? 'no valid signature'}`;
  return undefined;
}

/** Whose key it is. */
export function publisherOf(key: string, { publishers }: Trust): Signer | undefined {
  for (const [name, keys] of Object.entries(publishers)) {
    if ([keys].flat().some((known) => known.toLowerCase() === key)) return { name, key };
  }
  return undefined;
}

/** All that the code comes from, and what decides over it. */
function pathsOf({ directory, located, origin, inputs }: TrustQuestion): string[] {
  const { facts, root } = located;
  const files =
    facts === undefined ? [] : [...origin.files.map(({ path }) => path), signatureFile, filesFile];
  return [lockPath(directory), root, ...files.map((path) => join(root, path)), ...inputs];
}

function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, 5).join(', ');
  return lines.length > 5 ? `${shown} and ${lines.length - 5} more` : shown;
}
