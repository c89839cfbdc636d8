/** OpenSSH's own regress scripts of forwarding, with the plugin in the place of `sshd`. */

import { describe, test } from 'node:test';
import { runScript, type Script, skip, times, title } from './openssh/run-script.ts';

/** These listen on ports that stand in them: the first on those of both others. */
const forwarding: Script = { name: 'forwarding' };
const beside: readonly Script[] = [
  { name: 'forward-control' },
  { name: 'multiplex', wanted: times(2, 'environment not found') },
];
const dynamic: Script = { name: 'dynamic-forward' };

describe('OpenSSH, forwarding', { concurrency: 2, skip }, () => {
  describe('on fixed ports', { concurrency: 1 }, () => {
    test(`FWD-08 ${title(forwarding)}`, (t) => runScript(t, forwarding));
    describe('of two', { concurrency: 2 }, () => {
      for (const script of beside) test(`FWD-08 ${title(script)}`, (t) => runScript(t, script));
    });
  });
  test(`FWD-08 ${title(dynamic)}`, (t) => runScript(t, dynamic));
});
