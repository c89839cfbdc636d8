/**
 * `toOpenAPI`: operations as an OpenAPI document. It has no effects and calls nothing. `docs/spec/http.md` 16.
 *
 * @module
 */

import type { OperationSpec } from '@alknet/sdk';
import type { JsonObject } from '../adapters/json.ts';
import { type DirectDocumentOptions, directDocument } from './direct.ts';
import { gatewayDocument } from './gateway.ts';

export type ToOpenApiOptions =
  | ({ readonly surface: 'direct' } & DirectDocumentOptions)
  | { readonly surface: 'gateway' };

/** `operations`: those that the caller may call. The gateway's document is the same for all. */
export function toOpenAPI(operations: readonly OperationSpec[], options: ToOpenApiOptions): JsonObject {
  return options.surface === 'gateway' ? gatewayDocument : directDocument(operations, options);
}
