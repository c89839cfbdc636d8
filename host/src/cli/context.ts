/**
 * What a command runs with: its options, its output, and the ways to the node. Each way is loaded when it is gone: a
 * command that dials nobody does without the endpoint, and one without a configuration file without its schema.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Session } from '@alknet/sdk/call';
import type { DialOptions } from '../client.ts';
import type { LoadedConfig } from '../config/index.ts';
import { findConfig, findDataDir, thisProcess } from '../config/sources.ts';
import type { DialProxy, DialTarget } from '../endpoint/index.ts';
import type { PeerEntry } from '../identity/index.ts';
import type { PeerBook } from '../node/target.ts';
import type { NodeFile } from '../node-file.ts';
import type { Vault } from '../vault/index.ts';
import { CliError, Exit, usage } from './exit.ts';
import { Output } from './output.ts';
import type { Parsed } from './parse.ts';
import { patiently } from './patience.ts';

const requestTimeout = 30_000;

export class Context {
  readonly out: Output;
  readonly args: readonly string[];
  /** Aborted by INT or TERM, and by `--timeout`. */
  readonly signal: AbortSignal;
  readonly #parsed: Parsed;
  #proxy: Promise<DialProxy | undefined> | undefined;
  #config: Promise<LoadedConfig | undefined> | undefined;

  constructor(parsed: Parsed, signal: AbortSignal) {
    this.#parsed = parsed;
    this.args = parsed.arguments;
    this.signal = signal;
    this.out = new Output({
      json: this.has('json'),
      quiet: this.has('quiet'),
      verbose: parsed.switches.get('verbose') ?? 0,
      color: this.value('color'),
    });
  }

  has(name: string): boolean {
    return this.#parsed.switches.has(name);
  }

  value(name: string): string | undefined {
    return this.#parsed.values.get(name)?.[0];
  }

  values(name: string): readonly string[] {
    return this.#parsed.values.get(name) ?? [];
  }

  get yes(): boolean {
    return this.has('yes');
  }

  /** Milliseconds for a request. @throws CliError exit 2 */
  get timeout(): number {
    return this.timeoutOr(requestTimeout);
  }

  timeoutOr(fallback: number): number {
    const text = this.value('timeout');
    if (text === undefined) return fallback;
    const seconds = Number(text);
    if (!(seconds > 0))
      throw usage(`--timeout: expected a number of seconds above 0, found ${JSON.stringify(text)}`);
    return Math.round(seconds * 1000);
  }

  /** Of a request that has no deadline of its own. */
  get callOptions(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: this.timeout, signal: this.signal };
  }

  /** Refuses `--node` for what is done on local files. */
  localOnly(what: string): void {
    if (this.value('node') !== undefined)
      throw usage(`${what} works on this machine's files and takes no --node`);
  }

  get configPath(): string | undefined {
    return findConfig(this.value('config'), thisProcess())?.path;
  }

  /** `undefined` when there is no file. @throws ConfigError */
  config(): Promise<LoadedConfig | undefined> {
    this.#config ??= this.#loadConfig();
    return this.#config;
  }

  async #loadConfig(): Promise<LoadedConfig | undefined> {
    const path = this.configPath;
    if (path === undefined) return undefined;
    const dataDir = this.value('data');
    const { loadConfig } = await import('../config/load.ts');
    return await loadConfig(path, dataDir === undefined ? {} : { dataDir });
  }

  /** A broken configuration hides where the data is; the node that runs from it is still found. */
  async dataDir(): Promise<string> {
    const fallback = () => findDataDir(this.value('data'), undefined, thisProcess()).path;
    try {
      return (await this.config())?.config.dataDir ?? fallback();
    } catch (error) {
      const path = this.configPath;
      const { readRunningNode } = await import('../node-file.ts');
      const beside = path === undefined ? [] : [join(dirname(path), 'data')];
      const running = [fallback(), ...beside].find(
        (dataDir) => readRunningNode(dataDir)?.config.path === path,
      );
      if (running === undefined) throw error;
      return running;
    }
  }

  async runningNode(): Promise<NodeFile | undefined> {
    const { readRunningNode } = await import('../node-file.ts');
    return readRunningNode(await this.dataDir());
  }

  async peerBook(): Promise<PeerBook> {
    const { readPeers } = await import('../identity/peers-file.ts');
    const { entries } = await readPeers(await this.dataDir()).catch(
      (): { entries: readonly PeerEntry[] } => ({ entries: [] }),
    );
    return {
      entry: (id) => entries.find((entry) => entry.id === id),
      owner: (key) => entries.find(({ fingerprints }) => fingerprints.includes(key)),
    };
  }

  /** Where a PEER is; `local` is the running node, and so is its key. @throws CliError, PeerSyntaxError, DialError */
  async target(peer: string): Promise<DialTarget> {
    const { parseKey } = await import('../endpoint/target.ts');
    const key = parseKey(peer);
    const node = peer === 'local' || key !== undefined ? await this.runningNode() : undefined;
    if (peer !== 'local' && (key === undefined || node?.id !== key)) {
      const { targetOf } = await import('../node/target.ts');
      return targetOf(peer, (await this.config())?.config, await this.peerBook());
    }
    if (node === undefined) throw await notRunning(this);
    const addresses = [
      ...new Set(node.addresses.map(({ address, port }) => `${loopbackFor(address)} ${port}`)),
    ].map((text) => {
      const [host = '', port] = text.split(' ');
      return { host, port: Number(port) };
    });
    if (addresses.length === 0)
      throw new CliError(Exit.UNREACHABLE, 'the node has no listener', {
        hint: 'set listen.quic or listen.tls in its configuration',
      });
    return { name: 'local', addresses, pins: [node.id] };
  }

  /** The operator's key file; absent when there is none to show. */
  async identity(): Promise<string | undefined> {
    const { operatorKeyPath, readOperatorKey } = await import('../identity/operator-key.ts');
    const path = operatorKeyPath(await this.dataDir());
    return (await readOperatorKey(path, (message) => this.out.warn(message))) === undefined
      ? undefined
      : path;
  }

  async dialOptions(): Promise<DialOptions> {
    // A token stands in the place of the operator, not beside him.
    const identity = this.value('token-file') === undefined ? await this.identity() : undefined;
    const transport = this.value('transport');
    if (transport !== undefined && transport !== 'auto' && transport !== 'quic' && transport !== 'tls') {
      throw usage(`--transport: expected auto, quic or tls, found ${JSON.stringify(transport)}`);
    }
    // A password is asked for once.
    this.#proxy ??= this.#dialProxy();
    const proxy = await this.#proxy;
    if (proxy !== undefined && transport === 'quic')
      throw usage('--proxy carries TLS over TCP; leave out --transport quic');
    return {
      signal: this.signal,
      ...(proxy === undefined ? {} : { proxy }),
      ...(identity === undefined ? {} : { identity }),
      ...(transport === undefined ? {} : { transport }),
      ...(this.has('ca') ? { ca: true } : {}),
    };
  }

  async #dialProxy(): Promise<DialProxy | undefined> {
    const proxy = this.value('proxy');
    const file = this.value('proxy-auth-file');
    if (proxy === undefined && file === undefined) return undefined;
    return await (await import('./dial-proxy.ts')).dialProxy(proxy, file);
  }

  /** A session with the node of `--node`, or the local one. */
  async session(): Promise<Session> {
    const { connect } = await import('../client.ts');
    const target = await this.target(this.value('node') ?? 'local');
    const options = await this.dialOptions();
    return await this.out.during(`reaching ${target.name}`, () =>
      patiently(Math.min(this.timeout, 10_000), this.signal, (timeoutMs) =>
        connect(target, { ...options, timeoutMs }),
      ),
    );
  }

  /** A session for one piece of work. */
  async overSession<Result>(use: (session: Session) => Promise<Result>): Promise<Result> {
    const session = await this.session();
    try {
      return await use(session);
    } finally {
      session.close();
    }
  }

  async dial(peer: string, alpn: string) {
    const { dial } = await import('../client.ts');
    const target = await this.target(peer);
    const options = await this.dialOptions();
    return await patiently(this.timeoutOr(10_000), this.signal, (timeoutMs) =>
      dial(target, alpn, { ...options, timeoutMs }),
    );
  }

  /** The vault, unlocked in this process. @throws VaultError */
  async vault(): Promise<Vault> {
    const passphraseFile = this.value('passphrase-file');
    const { unlockVault } = await import('../vault/unlock.ts');
    const { askSecret, isInteractive } = await import('./prompt.ts');
    return await unlockVault({
      dataDir: await this.dataDir(),
      passphraseFile,
      credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
      prompt: isInteractive() ? () => askSecret('vault passphrase', '--passphrase-file') : undefined,
      warn: (message) => this.out.warn(message),
    });
  }

  /** Beside the configuration that will be made. */
  get defaultConfigPath(): string {
    return this.value('config') ?? join(process.cwd(), 'alknet.config.json');
  }

  get configDirectory(): string {
    return dirname(this.defaultConfigPath);
  }
}

/** Says where a node was looked for: most often this is the wrong folder. */
export async function notRunning(context: Context): Promise<CliError> {
  const { vaultPath } = await import('../vault/vault-file.ts');
  const dataDir = await context.dataDir();
  const made = existsSync(vaultPath(dataDir));
  return new CliError(Exit.UNREACHABLE, 'the node is not running', {
    code: 'NOT_RUNNING',
    reason: made ? `nothing serves ${dataDir}` : `there is none at ${dataDir}`,
    hint: made ? 'alknet up' : 'alknet init, or say where it is: --data DIR, --config FILE or ALKNET_CONFIG',
  });
}

/** An address that reaches a wildcard listener from this machine. */
function loopbackFor(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
