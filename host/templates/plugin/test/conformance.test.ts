/** What every plugin owes its node: see the titles of the tests that this makes. */

import { conformance } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';

conformance(plugin, {
  inputs: { 'acme-clock/shift': { seconds: 1 } },
  streams: { 'acme-clock/echo': { send: 'hello', receive: 'hello' } },
});
