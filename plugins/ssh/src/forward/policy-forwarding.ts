/**
 * Forwarding as the policy of the node lets it. No destination is ever logged, told in an error, or kept.
 * `docs/spec/ssh.md` 7.
 *
 * @module
 */

import { realpath } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename, dirname, join as joinPath } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Identity } from '@alknet/sdk';
import { type ForwardClient, type Forwarding, Refused, type Target } from '../forwarding.ts';
import { type ApproveOptions, approveConnect, type Resolve } from './approve.ts';
import { approveListen } from './bind-address.ts';
import { isSocketPath } from './canonical-target.ts';
import { connectApproved, connectSocket, type Egress, systemResolve } from './connect.ts';
import { permits } from './permit.ts';
import { ForwardPolicy, type ForwardPolicyConfig, type Requester, sourceAddress } from './policy.ts';
import { listenTcp, listenUnix, type RemoteListener } from './remote-listener.ts';
import type { Candidate } from './target-pattern.ts';

export interface ForwardingOptions {
  /** Of names; the system's by default. */
  readonly resolve?: Resolve;
}

/** What may change while connections live. */
export interface ForwardingSettings {
  readonly policy: ForwardPolicy;
  readonly egress: Egress | undefined;
}

/** @throws Error that names the rule that cannot be read */
export function policyOf(config: ForwardPolicyConfig | undefined): ForwardPolicy {
  return new ForwardPolicy(config ?? {}, ownAddresses);
}

export class PolicyForwarding implements Forwarding {
  readonly #resolve: Resolve;
  readonly #listeners = new Map<string, RemoteListener[]>();
  #settings: ForwardingSettings;

  constructor(settings: ForwardingSettings, { resolve = systemResolve }: ForwardingOptions = {}) {
    this.#settings = settings;
    this.#resolve = resolve;
  }

  /** For what is opened from now on. */
  configure(settings: ForwardingSettings): void {
    this.#settings = settings;
  }

  async connect(target: Target, client: ForwardClient): Promise<Duplex> {
    const { policy, egress } = this.#settings;
    const requester = requesterOf(client);
    if (target.kind === 'unix') {
      // The option of a key names hosts and ports; it leaves no socket.
      if (client.login.restrictions.permitOpen.length > 0) throw new Refused(1);
      const path = await approvedPath('connect', policy, requester, target.path);
      return await connectSocket(path, client.signal).catch(connectFailed);
    }
    const approved = await approveConnect(target.host, target.port, {
      ...narrowedBy('permitopen', client.login.restrictions.permitOpen),
      policy,
      requester,
      resolve: this.#resolve,
      byProxy: egress !== undefined,
      signal: client.signal,
    });
    if (approved === 'denied') throw new Refused(1);
    if (approved === 'connect failed') throw new Refused(2);
    return await connectApproved(approved, client.signal, egress).catch(connectFailed);
  }

  async listen(target: Target, client: ForwardClient): Promise<number> {
    const { policy } = this.#settings;
    const requester = requesterOf(client);
    const { permitListen } = client.login.restrictions;
    let listener: RemoteListener;
    if (target.kind === 'unix') {
      if (permitListen.length > 0) throw new Refused(1);
      const path = await approvedPath('listen', policy, requester, target.path);
      listener = await listenUnix(client, path);
    } else {
      const narrowed = narrowedBy('permitlisten', permitListen);
      const choices = approveListen(target.host, target.port, { ...narrowed, policy, requester });
      listener = await listenTcp(client, target.host, choices);
    }
    if (client.signal.aborted) {
      listener.abort();
      throw new Refused(2);
    }
    this.#listeners.set(client.id, [...(this.#listeners.get(client.id) ?? []), listener]);
    return listener.bound.kind === 'unix' ? 0 : listener.bound.address.port;
  }

  async cancel(target: Target, client: ForwardClient): Promise<boolean> {
    const all = this.#listeners.get(client.id) ?? [];
    const found = all.find(({ bound }) =>
      bound.kind === 'unix'
        ? target.kind === 'unix' && bound.path === target.path
        : target.kind === 'tcp' &&
          bound.address.address === target.host &&
          bound.address.port === target.port,
    );
    if (found === undefined) return false;
    found.close();
    this.#listeners.set(
      client.id,
      all.filter((one) => one !== found),
    );
    return true;
  }

  listeners(client: ForwardClient): number {
    return this.#listeners.get(client.id)?.length ?? 0;
  }

  closed(client: ForwardClient): void {
    for (const listener of this.#listeners.get(client.id) ?? []) listener.abort();
    this.#listeners.delete(client.id);
  }

  /** What the policy says of a target, for an operator who tries it: nothing is opened. `docs/spec/ssh.md` 10. */
  async test(
    identity: Identity,
    kind: 'connect' | 'listen',
    target: Target,
    signal: AbortSignal,
  ): Promise<{ action: 'allow' | 'deny'; rule: number | null; candidates: number }> {
    const { policy, egress } = this.#settings;
    const requester: Requester = { identity, source: null };
    if (target.kind === 'unix') {
      const judged = policy.judgePath(kind, requester, await pathsOf(target.path));
      return { action: judged.action, rule: judged.rule, candidates: judged.approved.length > 0 ? 1 : 0 };
    }
    let last: { action: 'allow' | 'deny'; rule: number | null } = { action: 'deny', rule: null };
    const watched: Pick<ForwardPolicy, 'judge'> = {
      judge: (...args) => {
        const judged = policy.judge(...args);
        last = judged;
        return judged;
      },
    };
    if (kind === 'listen') {
      const first = approveListen(target.host, target.port, { policy: watched, requester }).next();
      return { ...verdict(last), candidates: first.done ? 0 : first.value.length };
    }
    const options: ApproveOptions = {
      policy: watched,
      requester,
      resolve: this.#resolve,
      byProxy: egress !== undefined,
      signal,
    };
    const approved = await approveConnect(target.host, target.port, options);
    return { ...verdict(last), candidates: typeof approved === 'string' ? 0 : approved.length };
  }
}

function verdict({ action, rule }: { action: 'allow' | 'deny'; rule: number | null }) {
  return { action, rule };
}

/** @throws Refused when the identity is no more */
function requesterOf({ login, remote }: ForwardClient): Requester {
  const identity = login.identity();
  if (identity === undefined) throw new Refused(1);
  return { identity, source: sourceAddress(remote?.address) };
}

/** @throws Refused for an option that cannot be read: it permits nothing */
function narrowedBy(
  option: 'permitopen' | 'permitlisten',
  entries: readonly string[],
): { narrowed?: (candidate: Candidate) => boolean } {
  if (entries.length === 0) return {};
  try {
    return { narrowed: permits(option, entries) };
  } catch {
    throw new Refused(1);
  }
}

/** The path to use, which is no link any more. @throws Refused */
async function approvedPath(
  kind: 'connect' | 'listen',
  policy: ForwardPolicy,
  requester: Requester,
  path: string,
): Promise<string> {
  if (!isSocketPath(path)) throw new Refused(1);
  const paths = await pathsOf(path);
  if (policy.judgePath(kind, requester, paths).action === 'deny') throw new Refused(1);
  return paths.at(-1) ?? path;
}

/** A path, and what it leads to by links; of a socket that is yet to be made, what its directory leads to. */
async function pathsOf(path: string): Promise<readonly string[]> {
  const real = await realpath(path).catch(() =>
    realpath(dirname(path)).then(
      (directory) => joinPath(directory, basename(path)),
      () => path,
    ),
  );
  return real === path ? [path] : [path, real];
}

function connectFailed(): never {
  throw new Refused(2);
}

/** Of this machine now; a name must not lead to them by a public address either. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
