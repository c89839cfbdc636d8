/** CFG-30: the conformance suite for our own plugins. SSH is left out: it keeps to the process (`docs/spec/ssh.md`). */

import { conforms } from './conforms.ts';

await conforms('plugins/call');
await conforms('plugins/http');
await conforms('plugins/sftp', {
  config: { exports: ['root:/:ro'] },
  identity: { id: 'conformance', scopes: ['sftp:admin'], resources: { sftp: ['root'] } },
});
await conforms('plugins/git');
