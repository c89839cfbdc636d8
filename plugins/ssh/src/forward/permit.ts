/**
 * `permitopen` and `permitlisten` of an authorized key: lists that narrow what the policy allows and never widen it.
 * `docs/spec/ssh.md` 3.3, sshd(8) AUTHORIZED_KEYS FILE FORMAT.
 *
 * @module
 */

import { canonicalHost, isPort } from './canonical-target.ts';
import type { Candidate } from './target-pattern.ts';

/**
 * A test of candidates by the entries of one option; hosts are compared as they are written, `*` stands for any port,
 * and in `permitlisten` for any host too.
 *
 * @throws Error that names the entry
 */
export function permits(
  option: 'permitopen' | 'permitlisten',
  entries: readonly string[],
): (candidate: Candidate) => boolean {
  const tests = entries.map((entry) => permit(option, entry));
  return (candidate) => tests.some((test) => test(candidate));
}

function permit(option: 'permitopen' | 'permitlisten', entry: string): (candidate: Candidate) => boolean {
  const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\*|\d{1,5})$/.exec(entry);
  const host = parts?.[1] ?? parts?.[2];
  const port = parts?.[3] ?? '';
  if (
    parts === null ||
    (host === undefined && option === 'permitopen') ||
    (port !== '*' && !isPort(Number(port)))
  )
    throw new Error(
      `${option}: ${JSON.stringify(entry)} is not ${option === 'permitopen' ? 'HOST:PORT' : '[HOST:]PORT'} with a port from 1 to 65535 or *`,
    );
  const hasPort = (candidate: Candidate) => port === '*' || candidate.port === Number(port);
  if (option === 'permitlisten' && (host === undefined || host === '' || host === '*')) return hasPort;
  const canonical = canonicalHost(host ?? '');
  if (typeof canonical === 'string')
    throw new Error(`${option}: ${JSON.stringify(entry)} names no host; write a name or an address`);
  return (candidate) =>
    hasPort(candidate) &&
    (canonical.kind === 'name'
      ? candidate.name === canonical.name
      : candidate.name === undefined && candidate.address?.text === canonical.address.text);
}
