/**
 * What passes between a push and its hooks: the policy file, and messages on the private socket. `docs/spec/git.md` 5, 6.
 *
 * @module
 */

import type { ExaminedUpdate, Pusher, PushRules } from '../core/push-policy.ts';

/** The content of the file that `ALKNET_GIT_POLICY` names. */
export interface PolicyFile {
  /** Of the run; whoever knows it may report for it. */
  readonly run: string;
  /** Path of git. */
  readonly program: string;
  /** Directory of the repository. */
  readonly repository: string;
  readonly rules: PushRules;
  readonly pusher: Pusher;
}

/** One line of JSON. The answer is one line, `ok`, when the node has taken it in. */
export interface HookMessage {
  readonly run: string;
  /** `accepted`: refs are about to move. `moved`: these have. */
  readonly event: 'accepted' | 'moved';
  readonly updates: readonly ExaminedUpdate[];
}

export const acknowledgement = 'ok\n';
