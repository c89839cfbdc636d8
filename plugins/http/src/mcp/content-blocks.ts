/**
 * Content blocks of MCP as an output schema: what an imported tool without an output schema gives, and how a tool of ours
 * is known whose output goes out as content instead of as text. `docs/spec/http.md` 20 and 21. Pure.
 *
 * @module
 */

import { Type } from '@alknet/sdk';

const annotations = Type.Optional(Type.Unknown());

/** MCP 2025-11-25, schema `ContentBlock`; members that are not named here may be there. */
export const ContentBlocks = Type.Array(
  Type.Union([
    Type.Object({ type: Type.Literal('text'), text: Type.String(), annotations }),
    Type.Object({ type: Type.Literal('image'), data: Type.String(), mimeType: Type.String(), annotations }),
    Type.Object({ type: Type.Literal('audio'), data: Type.String(), mimeType: Type.String(), annotations }),
    Type.Object({
      type: Type.Literal('resource'),
      resource: Type.Object({
        uri: Type.String(),
        mimeType: Type.Optional(Type.String()),
        text: Type.Optional(Type.String()),
        blob: Type.Optional(Type.String()),
      }),
      annotations,
    }),
    Type.Object({
      type: Type.Literal('resource_link'),
      uri: Type.String(),
      name: Type.String(),
      annotations,
    }),
  ]),
);

const blockTypes = new Set(['text', 'image', 'audio', 'resource', 'resource_link']);

/** Whether a schema admits nothing but lists of content blocks. */
export function isContentBlocks(schema: unknown): boolean {
  if (!isRecord(schema) || schema['type'] !== 'array' || !isRecord(schema['items'])) return false;
  const { items } = schema;
  const variants = items['anyOf'] ?? items['oneOf'] ?? [items];
  return Array.isArray(variants) && variants.length > 0 && variants.every(isBlock);
}

function isBlock(schema: unknown): boolean {
  if (!isRecord(schema) || !isRecord(schema['properties']) || !Array.isArray(schema['required']))
    return false;
  const type = schema['properties']['type'];
  if (!isRecord(type) || !schema['required'].includes('type')) return false;
  const named = Array.isArray(type['enum']) ? type['enum'] : [type['const']];
  return named.length > 0 && named.every((each) => typeof each === 'string' && blockTypes.has(each));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
