/**
 * What protects the vault of a node, in words. `docs/spec/vault.md` 9. Pure.
 *
 * @module
 */

export function protectionText(protection: string): string {
  return protection === 'keyfile'
    ? "unlock key on disk: whoever reads the data directory has this node's keys"
    : protection;
}
