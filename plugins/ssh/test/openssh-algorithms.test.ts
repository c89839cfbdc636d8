/** OpenSSH's own regress scripts of algorithms and keys, with the plugin in the place of `sshd`. */

import { describe, test } from 'node:test';
import { runScript, type Script, skip, times, title } from './openssh/run-script.ts';

const scripts: readonly Script[] = [
  { name: 'rekey', wanted: [...times(6, 'no rekeying occurred'), 'rekeylimit size: expected 16 bytes got'] },
  ...['cipher-speed', 'integrity', 'kextype', 'keyscan', 'keytype', 'try-ciphers', 'transfer'].map(
    (name) => ({ name }),
  ),
];

describe('OpenSSH, algorithms and keys', { concurrency: 4, skip }, () => {
  for (const script of scripts) test(`SSH-01 ${title(script)}`, (t) => runScript(t, script));
});
