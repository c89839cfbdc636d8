/** OpenSSH's own regress scripts of forwarding, with the plugin in the place of `sshd`. */

import { describe, test } from 'node:test';
import { runScript, type Script, skip, times, title } from './openssh/run-script.ts';

const scripts: readonly Script[] = [
  { name: 'forwarding' },
  { name: 'forward-control' },
  { name: 'multiplex', wanted: times(2, 'environment not found') },
  { name: 'dynamic-forward' },
];

describe('OpenSSH, forwarding', { concurrency: 4, skip }, () => {
  for (const script of scripts) test(`FWD-08 ${title(script)}`, (t) => runScript(t, script));
});
