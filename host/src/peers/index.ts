/**
 * Nodes that this node keeps a connection to, and what it imports of them. `docs/spec/registry.md` 13.
 *
 * @module
 */

export type { LinkSession } from './peer-link.ts';
export { PeerLinks } from './peer-links.ts';
