/**
 * The certificate of `tls.cert` and `tls.key`, which follows its files while the node runs. `docs/spec/identity.md` 7.2.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import type { Log } from '@alknet/sdk';
import { type FileWatch, watchFile } from '../config/index.ts';
import { CertLoadError, type WebCertificate, webCertificate } from '../identity/index.ts';

interface Paths {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Milliseconds without a change before a changed pair is read: its two files are not replaced at once. */
const quiet = 1000;
/** Milliseconds between looks at the files, whose links may be exchanged where no watch sees it. */
const look = 60_000;
const day = 86_400_000;
const warnBefore = 14 * day;

export class WebCertificates {
  readonly #log: Log;
  #paths: Paths = {};
  #current: WebCertificate | undefined;
  #problem: string | undefined;
  #watches: Promise<readonly FileWatch[]> = Promise.resolve([]);
  #settling: NodeJS.Timeout | undefined;
  readonly #looks: NodeJS.Timeout;
  readonly #warnings: NodeJS.Timeout;

  constructor(log: Log) {
    this.#log = log;
    this.#looks = setInterval(() => void this.#renew(), look).unref();
    this.#warnings = setInterval(() => this.#warn(), day).unref();
  }

  /** `undefined`: none is configured. */
  get current(): WebCertificate | undefined {
    return this.#current;
  }

  /** Why the files on disk are not in use. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** At start. @throws CertLoadError */
  async load(paths: Paths): Promise<void> {
    this.#current = await readWebCertificate(paths);
    this.#watch(paths);
    this.#warn();
  }

  /** After a change of the configuration; what cannot be used leaves the old pair in use. */
  async follow(paths: Paths): Promise<void> {
    if (paths.cert === this.#paths.cert && paths.key === this.#paths.key) return;
    this.#watch(paths);
    await this.#renew();
  }

  close(): void {
    clearInterval(this.#looks);
    clearInterval(this.#warnings);
    clearTimeout(this.#settling);
    void this.#watches.then((watches) => Promise.all(watches.map((watch) => watch.close())));
  }

  #watch(paths: Paths): void {
    this.#paths = { cert: paths.cert, key: paths.key };
    const before = this.#watches;
    const changed = () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => void this.#renew(), quiet).unref();
    };
    this.#watches = before.then(async (watches) => {
      await Promise.all(watches.map((watch) => watch.close()));
      const files = [paths.cert, paths.key].filter((path) => path !== undefined);
      return Promise.all(files.map((file) => watchFile(file, changed)));
    });
  }

  async #renew(): Promise<void> {
    const paths = this.#paths;
    try {
      const next = await readWebCertificate(paths);
      this.#problem = undefined;
      // The same bytes keep their object, by which TLS contexts are kept.
      if (next?.cert === this.#current?.cert && next?.key === this.#current?.key) return;
      this.#current = next;
      this.#log.info('certificate in use', {
        names: next?.names.join(',') ?? '-',
        notAfter: next?.notAfter.toISOString() ?? '-',
      });
      this.#warn();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#problem) this.#log.error('certificate refused', { message });
      this.#problem = message;
    }
  }

  #warn(): void {
    if (this.#current === undefined) return;
    const left = this.#current.notAfter.getTime() - Date.now();
    if (left < warnBefore)
      this.#log.warn(left < 0 ? 'certificate has expired' : 'certificate expires soon', {
        names: this.#current.names.join(','),
        notAfter: this.#current.notAfter.toISOString(),
      });
  }
}

/** As the files are now; `undefined` when none are configured. @throws CertLoadError */
export async function readWebCertificate({ cert, key }: Paths): Promise<WebCertificate | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw new CertLoadError('tls.key is given without tls.cert');
  if (key === undefined) throw new CertLoadError('tls.cert is given without tls.key');
  const [certText, keyText] = await Promise.all([readText('tls.cert', cert), readText('tls.key', key)]);
  return webCertificate(certText, keyText);
}

async function readText(name: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CertLoadError(`${name}: ${path} cannot be read: ${error.code}`);
  });
}
