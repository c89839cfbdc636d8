/**
 * Why something outside could not be turned into operations. `docs/spec/registry.md` 14.
 *
 * @module
 */

/** The set is open: an adapter may have codes of its own. */
export type AdapterErrorCode =
  | 'AdapterConfig'
  | 'DiscoveryFailed'
  | 'SchemaParse'
  | 'Unauthorized'
  | 'Transport'
  | 'Collision'
  | (string & {});

/** The message names the place and what was expected there. */
export class AdapterError extends Error {
  override readonly name = 'AdapterError';
  readonly code: AdapterErrorCode;

  constructor(code: AdapterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
