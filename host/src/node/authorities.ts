/**
 * `tls.ca`: certificate authorities beside the system's, for remotes without a pin. `docs/spec/identity.md` 13.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import type { Log } from '@alknet/sdk';
import { parseAuthorities, VerifierBuildError } from '../identity/index.ts';

export class Authorities {
  readonly #log: Log;
  #path: string | undefined;
  #pem: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `undefined`: the system's alone. */
  get pem(): string | undefined {
    return this.#pem;
  }

  /** @throws VerifierBuildError when the bundle cannot be used */
  async load(path: string | undefined): Promise<void> {
    const pem = path === undefined ? undefined : await readBundle(path);
    this.#path = path;
    this.#pem = pem;
  }

  /** After a change of the configuration; a bundle that cannot be used leaves the old one in use. */
  async follow(path: string | undefined): Promise<void> {
    if (path === this.#path) return;
    await this.load(path).catch((error: unknown) => {
      this.#log.error('tls.ca refused', { message: error instanceof Error ? error.message : String(error) });
    });
  }
}

async function readBundle(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new VerifierBuildError(`tls.ca: ${path} cannot be read: ${error.code}`);
  });
  parseAuthorities(pem);
  return pem;
}
