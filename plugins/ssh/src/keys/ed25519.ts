/**
 * The Ed25519 public key as SSH writes it, RFC 8709 4.
 *
 * @module
 */

const prefix = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');

export function ed25519Blob(publicKey: Uint8Array): Buffer {
  return Buffer.concat([prefix, publicKey]);
}

/** The 32 bytes of the key, or `undefined` when the blob is of another type. */
export function ed25519KeyOf(blob: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  if (bytes.length !== prefix.length + 32 || !prefix.equals(bytes.subarray(0, prefix.length)))
    return undefined;
  return bytes.subarray(prefix.length);
}
