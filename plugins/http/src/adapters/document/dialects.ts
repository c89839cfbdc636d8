/**
 * What OpenAPI writes otherwise than JSON Schema 2020-12. Pure.
 *
 * @module
 */

import type { JsonObject } from '../json.ts';

/** `format: byte` and `binary` of any version, and `type: file`, which documents took over from Swagger 2.0. */
export function binary(schema: JsonObject, made: Record<string, unknown>): void {
  const { type, format } = schema;
  if (type === 'file') made['type'] = 'string';
  const isText =
    made['type'] === 'string' || (Array.isArray(made['type']) && made['type'].includes('string'));
  if (!isText || (type !== 'file' && format !== 'byte' && format !== 'binary')) return;
  delete made['format'];
  made['contentEncoding'] ??= 'base64';
}

/** What OpenAPI 3.0 writes in its own way. */
export function from30(schema: JsonObject, made: Record<string, unknown>): JsonObject {
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (schema[exclusive] !== true || made[bound] === undefined) continue;
    made[exclusive] = made[bound];
    delete made[bound];
  }
  if (schema['nullable'] !== true) return made;
  const { type, enum: values } = made;
  if (typeof type === 'string') {
    made['type'] = [type, 'null'];
    if (Array.isArray(values) && !values.includes(null)) made['enum'] = [...values, null];
    return made;
  }
  const combined = ['allOf', 'anyOf', 'oneOf', 'enum'].some((keyword) => made[keyword] !== undefined);
  return combined ? { anyOf: [made, { type: 'null' }] } : made;
}
