/**
 * Media types of a `content` object, told apart by how their bodies are sent and read. Pure.
 *
 * @module
 */

import type { BodyKind } from '../plan.ts';
import type { Located, References } from './references.ts';

export interface MediaType extends Located {
  /** Lower case, without parameters. */
  readonly name: string;
  /** As the document writes it. */
  readonly written: string;
  readonly isJson: boolean;
  readonly kind: BodyKind;
}

/** `type/subtype` of a header value, lower case. */
export function essence(value: string): string {
  const [type = ''] = value.split(';');
  return type.trim().toLowerCase();
}

export function isJsonType(name: string): boolean {
  return name === 'application/json' || /^[^/]+\/.*\+json$/.test(name) || name === 'text/json';
}

export function isTextType(name: string): boolean {
  return name.startsWith('text/') || name === 'application/xml' || name.endsWith('+xml');
}

function kindOf(name: string): BodyKind {
  if (isJsonType(name)) return 'json';
  if (name === 'multipart/form-data') return 'multipart';
  if (name === 'application/x-www-form-urlencoded') return 'form';
  return isTextType(name) ? 'text' : 'bytes';
}

/** In the order of the document. @throws AdapterError `SchemaParse` */
export function mediaTypes(content: unknown, place: string, references: References): MediaType[] {
  return references.members(content, place).map(([written, at]) => {
    const name = essence(written);
    return {
      ...references.object(at.value, at.place, 'a media type'),
      name,
      written,
      isJson: isJsonType(name),
      kind: kindOf(name),
    };
  });
}
