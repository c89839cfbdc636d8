/**
 * Durable state. `docs/spec/config.md` 11.
 *
 * @module
 */

export { EmbeddedStore, openEmbeddedStore } from './embedded.ts';
export type { NamespaceOptions } from './namespace.ts';
