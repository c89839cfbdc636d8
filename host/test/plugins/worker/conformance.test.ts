/** CFG-30: the conformance suite for plugins as third parties write them. */

import { conforms } from './conforms.ts';

await conforms('examples/acme-chat');
await conforms('examples/acme-feed');
await conforms('examples/acme-invoice', { secrets: { 'acme-invoice-key': 'a key for tests' } });
await conforms('host/templates/plugin', {
  inputs: { 'acme-clock/shift': { seconds: 1 } },
  streams: { 'acme-clock/echo': { send: 'hello', receive: 'hello' } },
});
