/**
 * The operations of the plugin. `docs/spec/git.md` 9.
 *
 * @module
 */

import { events } from './events.ts';
import { log, refs } from './history.ts';
import { create, info, list, remove, rename } from './repositories.ts';
import { setSettings } from './settings.ts';

export const operations = [list, create, info, refs, log, setSettings, rename, remove, events] as const;
