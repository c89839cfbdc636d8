/**
 * How the library `acme-client` reaches a certificate authority: by requests of our own, because the library's wait on
 * timers that nobody can stop, trust the built-in roots alone, and know no limits. `docs/spec/identity.md` 7.3.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, request } from 'node:https';
import { rootCertificates } from 'node:tls';

/** Milliseconds for one request. */
const timeout = 30_000;
/** Bytes of one answer; a certificate chain has a few thousand. */
const answerLimit = 1024 * 1024;

/** The authority wants to be left alone for a time. */
export class AuthorityBusy extends Error {
  override readonly name = 'AuthorityBusy';
  /** Milliseconds. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

interface Reach {
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** Which node asks: the library has one place for all of a process. */
const reach = new AsyncLocalStorage<Reach>();

type Library = typeof import('acme-client');
let library: Promise<Library> | undefined;

/** Runs `work` with the library, whose requests are aborted by the signal and trust `ca` beside the usual roots. */
export async function withAuthority<Result>(
  { ca, signal }: { readonly ca: string | undefined; readonly signal: AbortSignal },
  work: (library: Library) => Promise<Result>,
): Promise<Result> {
  // Half a second of loading, which only a node that orders shall pay.
  library ??= import('acme-client').then(prepared);
  const loaded = await library;
  const roots = ca === undefined ? [...rootCertificates] : [...rootCertificates, ca];
  const agent = new Agent({ keepAlive: true, ca: roots });
  try {
    return await reach.run({ agent, signal }, () => work(loaded));
  } finally {
    agent.destroy();
  }
}

function prepared(loaded: Library): Library {
  loaded.axios.interceptors.request.use((config) => {
    const from = reach.getStore();
    config.adapter = async (settings) => {
      if (from === undefined) throw new Error('a request to an ACME server outside of an order');
      const url = new URL(settings.url ?? '');
      const { status, headers, text } = await ask(from, url, {
        method: (settings.method ?? 'get').toUpperCase(),
        headers: Object.fromEntries(
          Object.entries(settings.headers.toJSON()).map(([name, value]) => [name, String(value)]),
        ),
        body: typeof settings.data === 'string' ? settings.data : undefined,
      });
      const data = /\bjson\b/.test(headers['content-type'] ?? '') ? parsed(text) : text;
      if (status === 429 || status >= 500)
        throw new AuthorityBusy(
          `${url.host} answered ${status}: ${problemText(data)}`,
          waitOf(headers['retry-after']),
        );
      return { status, statusText: '', headers, data, config: settings };
    };
    return config;
  });
  return loaded;
}

interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

function ask({ agent, signal }: Reach, url: URL, { method, headers, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (url.protocol !== 'https:') throw new Error(`expected an https URL of the ACME server, found ${url}`);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    const sent = request(url, { agent, method, headers: { ...headers, ...length }, signal: limit });
    sent.on('error', (error) => reject(new Error(`${url.host} cannot be asked: ${faultText(error)}`)));
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > answerLimit) sent.destroy(new Error(`its answer is longer than ${answerLimit} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const fields = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(fields),
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.end(body);
  });
}

/** An address that answers on no family is an AggregateError without a text. */
function faultText(error: Error & { readonly code?: string }): string {
  return error.message === '' ? (error.code ?? error.name) : error.message;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** RFC 7807 4.2, as RFC 8555 6.7 has it. */
export function problemText(problem: unknown): string {
  if (typeof problem === 'object' && problem !== null) {
    const { detail, type }: { detail?: unknown; type?: unknown } = problem;
    if (typeof detail === 'string') return typeof type === 'string' ? `${detail} (${type})` : detail;
  }
  return 'no reason given';
}

/** Milliseconds; seconds or a date (RFC 9110 10.2.3). */
function waitOf(field: string | undefined): number {
  if (field === undefined) return 0;
  const wait = /^\d+$/.test(field) ? Number(field) * 1000 : Date.parse(field) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : 0;
}
