/**
 * What becomes of plugins while the node runs, for whoever shows it.
 *
 * @module
 */

import type { PluginInstance } from './instance.ts';
import type { PluginError } from './plugin-error.ts';
import type { Save } from './sources.ts';

export type PluginEvent =
  | {
      /** `configured`: it took another `config` and goes on. */
      readonly kind: 'started' | 'reloaded' | 'configured';
      readonly plugin: string;
      readonly instance: PluginInstance;
      /** What caused it; absent: the configuration, or an operation. */
      readonly save?: Save | undefined;
    }
  | {
      /** `kept`: what ran before goes on. */
      readonly kind: 'failed' | 'kept';
      readonly plugin: string;
      readonly error: PluginError;
      readonly save?: Save | undefined;
    }
  | { readonly kind: 'disabled'; readonly plugin: string };
