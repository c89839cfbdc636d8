/** OpenSSH's own regress scripts of connections and sessions, with the plugin in the place of `sshd`. */

import { describe, test } from 'node:test';
import { runScript, type Script, skip, times, title } from './openssh/run-script.ts';

/** What each proves is said at its head. Those that are not here stand in the README, with the reason. */
const scripts: readonly Script[] = [
  // An agent is never forwarded: `docs/spec/ssh.md` 4. And a certificate is for the user that it names.
  {
    name: 'agent',
    wanted: [
      'ssh-add -l via agent fwd failed (exit code 2)',
      'ssh-add -l via agent path fwd failed (exit code 2)',
      'agent fwd failed (exit code 255)',
      'ssh-add -l via agent path fwd of different agent failed (exit code 2)',
      'ssh-add -l via agent path env fwd of different agent failed (exit code 2)',
      'ssh-add -l with different agent did not fail with exit code 1 (exit code 2)',
      'ssh connect with failed (exit code 255)',
    ],
  },
  // The names of variables are fixed: `docs/spec/ssh.md` 4, `env`.
  { name: 'envpass', wanted: times(6, 'environment not found') },
  // A stream without an address has no SSH_CONNECTION: `docs/spec/ssh.md` 6.1.
  { name: 'proxy-connect', wanted: ['bad SSH_CONNECTION comp=no:', 'bad SSH_CONNECTION comp=yes:'] },
  // A banner has 8 KiB at most.
  { name: 'banner', wanted: ['banner size 10000 mismatch', 'banner size 100000 mismatch'] },
  // `environment=` on a line of a key is refused: `docs/spec/ssh.md` 3.3.
  { name: 'key-options', wanted: ['key option environment not set'] },
  ...[
    'brokenkeys',
    'cert-file',
    'connect',
    'connect-privsep',
    'connect-uri',
    'exit-status',
    'exit-status-signal',
    'host-expand',
    'knownhosts',
    'knownhosts-command',
    'localcommand',
    'login-timeout',
    'percent',
    'portnum',
    'proto-version',
    'scp3',
    'scp-uri',
    'stderr-after-eof',
    'stderr-data',
    'yes-head',
  ].map((name) => ({ name })),
];

describe('OpenSSH, connections and sessions', { concurrency: 4, skip }, () => {
  for (const script of scripts) test(`SSH-01 ${title(script)}`, (t) => runScript(t, script));
});
