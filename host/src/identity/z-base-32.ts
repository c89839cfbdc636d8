/**
 * z-base-32 of 32 bytes, the short written form of a node key (`docs/spec/cli.md` 5). Pure.
 *
 * @module
 */

const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769';

export function toZBase32(bytes: Uint8Array): string {
  let text = '';
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31];
}

/** The z-base-32 of an `ed25519:` fingerprint. */
export function fingerprintToZBase32(fingerprint: string): string {
  return toZBase32(Buffer.from(fingerprint.replace(/^ed25519:/, ''), 'hex'));
}
