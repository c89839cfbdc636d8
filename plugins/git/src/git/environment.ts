/**
 * All that git sees of the node: a complete environment, and configuration at command scope, which no file in a repository
 * can override. `docs/spec/git.md` 5. Pure.
 *
 * @module
 */

import { dirname } from 'node:path';

export interface EnvironmentParts {
  /** Path of git. */
  readonly program: string;
  /** An empty directory. */
  readonly home: string;
  /** Holds what stands before programs that are not to run. */
  readonly barred: string;
  readonly repository: string;
  /** Holds `pre-receive` and `post-receive`, or nothing. */
  readonly hooks: string;
  readonly allowAnyWant: boolean;
  /** `GIT_PROTOCOL`. */
  readonly protocol?: string;
  readonly push?: {
    readonly denyNonFastForwards: boolean;
    readonly denyDeletes: boolean;
    /** Bytes. */
    readonly maxInputSize: number;
    /** Path of the policy file. */
    readonly policy: string;
    /** Path of the socket. */
    readonly notify: string;
  };
}

/** Keys that are given to every run, whatever their values; a repository may name them without effect. */
export const injectedKeys: ReadonlySet<string> = new Set(
  configurationOf({ repository: '', hooks: '', allowAnyWant: false }).map(([key]) => key.toLowerCase()),
);

export function environmentOf(parts: EnvironmentParts): Record<string, string> {
  const { program, home, barred, protocol, push } = parts;
  const configuration = configurationOf(parts);
  const environment: Record<string, string> = {
    PATH: [...new Set([barred, dirname(program), '/usr/bin', '/bin'])].join(':'),
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_CONFIG_COUNT: String(configuration.length),
  };
  for (const [i, [key, value]] of configuration.entries()) {
    environment[`GIT_CONFIG_KEY_${i}`] = key;
    environment[`GIT_CONFIG_VALUE_${i}`] = value;
  }
  if (protocol !== undefined) environment['GIT_PROTOCOL'] = protocol;
  if (push !== undefined) {
    environment['ALKNET_GIT_POLICY'] = push.policy;
    environment['ALKNET_GIT_NOTIFY'] = push.notify;
  }
  return environment;
}

function configurationOf({
  repository,
  hooks,
  allowAnyWant,
  push,
}: Pick<EnvironmentParts, 'repository' | 'hooks' | 'allowAnyWant' | 'push'>): (readonly [string, string])[] {
  return [
    ['safe.directory', repository],
    ['core.hooksPath', hooks],
    ['core.fsmonitor', 'false'],
    ['uploadpack.allowFilter', 'true'],
    ['uploadpack.allowAnySHA1InWant', String(allowAnyWant)],
    ['uploadpack.allowTipSHA1InWant', 'false'],
    ['uploadpack.allowReachableSHA1InWant', 'false'],
    ['uploadpack.allowRefInWant', 'false'],
    ['uploadarchive.allowUnreachable', 'false'],
    ['transfer.fsckObjects', 'true'],
    ['receive.fsckObjects', 'true'],
    ['receive.fsck.missingSpaceBeforeDate', 'warn'],
    ['receive.fsck.zeroPaddedFilemode', 'warn'],
    ['transfer.hideRefs', 'refs/alknet'],
    ['receive.denyCurrentBranch', 'refuse'],
    ['receive.denyDeleteCurrent', 'refuse'],
    ['receive.denyNonFastForwards', String(push?.denyNonFastForwards ?? true)],
    ['receive.denyDeletes', String(push?.denyDeletes ?? true)],
    // To git, 0 is no limit at all.
    ['receive.maxInputSize', String(Math.max(1, push?.maxInputSize ?? 1))],
    ['receive.advertiseAtomic', 'true'],
    ['receive.advertisePushOptions', 'false'],
    ['receive.shallowUpdate', 'false'],
    // Every push stays a pack: no object is compressed anew, and git tells that it is alive while it indexes.
    ['receive.unpackLimit', '1'],
    ['receive.keepAlive', '5'],
    ['receive.autogc', 'false'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['protocol.allow', 'never'],
    ['pack.threads', '1'],
  ];
}
