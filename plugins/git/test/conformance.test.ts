/** What every plugin owes its node. */

import { conformance } from '@alknet/sdk/testing';
import plugin from '../src/plugin.ts';

conformance(plugin);
