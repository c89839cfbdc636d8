/**
 * Text as people hand it over in files and pipes: UTF-8, ended by a newline that does not belong to it. Pure.
 *
 * @module
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One final LF or CRLF removed; `undefined` for bytes that are not UTF-8. */
export function withoutFinalNewline(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
