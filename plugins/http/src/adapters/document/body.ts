/**
 * The request body of an operation: which of its media types is sent, and how. `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import { isObject, type JsonObject, member } from '../json.ts';
import type { BodyKind, BodyPlan, PartPlan, Style } from '../plan.ts';
import { type MediaType, mediaTypes } from './media-types.ts';
import type { Located, References } from './references.ts';
import type { CopyPart } from './schemas.ts';

export interface Body {
  readonly plan: BodyPlan;
  readonly required: boolean;
  readonly description: string | undefined;
  schema(copy: CopyPart): JsonObject;
}

const order: readonly BodyKind[] = ['json', 'multipart', 'form', 'text', 'bytes'];
const base64 = { type: 'string', contentEncoding: 'base64' };

/** A part with bytes: the text alone, or with what a browser would say of the file. */
const filePart: JsonObject = {
  anyOf: [
    base64,
    {
      type: 'object',
      properties: { data: base64, filename: { type: 'string' }, contentType: { type: 'string' } },
      required: ['data'],
      additionalProperties: false,
    },
  ],
};

/** @throws AdapterError `SchemaParse` */
export function readBody(value: unknown, place: string, references: References): Body | undefined {
  if (value === undefined || value === null) return undefined;
  const body = references.object(value, place, 'a request body');
  const media = chosen(mediaTypes(body.value['content'], `${body.place}/content`, references));
  if (media === undefined) return undefined;
  const { description } = body.value;
  const parts =
    media.kind === 'multipart' || media.kind === 'form' ? readParts(media, references) : new Map();
  return {
    plan: { kind: media.kind, mediaType: media.written, parts, whole: false },
    required: body.value['required'] === true,
    description: typeof description === 'string' && description !== '' ? description : undefined,
    schema: (copy) => schemaOf(media, parts, copy),
  };
}

/** `application/json` itself goes before its relatives. */
function chosen(types: readonly MediaType[]): MediaType | undefined {
  for (const kind of order) {
    const candidates = types.filter((type) => type.kind === kind);
    const best = candidates.find(({ name }) => name === 'application/json') ?? candidates[0];
    if (best !== undefined) return best;
  }
  return undefined;
}

function schemaOf(media: MediaType, parts: ReadonlyMap<string, PartPlan>, copy: CopyPart): JsonObject {
  if (media.kind === 'bytes') return base64;
  if (media.kind === 'text') return { type: 'string' };
  const written = member(media.value, 'schema');
  const schema = copy({ value: written ?? {}, place: `${media.place}/schema` });
  const { properties } = schema;
  if (media.kind !== 'multipart' || !isObject(properties)) return schema;
  const members = Object.entries(properties).map(([name, property]) => {
    if (parts.get(name)?.binary !== true) return [name, property] as const;
    const isList = isObject(property) && property['type'] === 'array';
    return [name, isList ? { ...(property as object), items: filePart } : filePart] as const;
  });
  return { ...schema, properties: Object.fromEntries(members) };
}

const styles: readonly Style[] = ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'];

function readParts(media: MediaType, references: References): ReadonlyMap<string, PartPlan> {
  const parts = new Map<string, PartPlan>();
  const schema = member(media.value, 'schema');
  const encodings = new Map(
    references
      .members(member(media.value, 'encoding'), `${media.place}/encoding`)
      .map(([name, at]) => [name, at.value]),
  );
  const properties =
    schema === undefined ? [] : propertiesOf({ value: schema, place: `${media.place}/schema` }, references);
  const schemas = new Map(properties);
  for (const name of new Set([...schemas.keys(), ...encodings.keys()])) {
    const property = schemas.get(name);
    const written = encodings.get(name);
    const encoding: JsonObject = isObject(written) ? written : {};
    const style = styles.find((each) => each === encoding['style']);
    const contentType =
      typeof encoding['contentType'] === 'string' ? encoding['contentType'].split(',')[0]?.trim() : undefined;
    parts.set(name, {
      binary: property !== undefined && isBinary(property, references, 0),
      ...(contentType === undefined ? {} : { contentType }),
      ...(style === undefined ? {} : { style }),
      ...(typeof encoding['explode'] === 'boolean' ? { explode: encoding['explode'] } : {}),
      ...(encoding['allowReserved'] === true ? { allowReserved: true } : {}),
    });
  }
  return parts;
}

/** Members of a form, those of its `allOf` included. */
function propertiesOf(schema: Located, references: References, depth = 0): [string, Located][] {
  if (depth > 8 || !isObject(schema.value)) return [];
  const { value, place } = references.object(schema.value, schema.place, 'a schema');
  const parts = Array.isArray(value['allOf']) ? value['allOf'] : [];
  const own = isObject(value['properties'])
    ? references.members(value['properties'], `${place}/properties`)
    : [];
  return [
    ...parts.flatMap((part: unknown, i) =>
      propertiesOf({ value: part, place: `${place}/allOf/${i}` }, references, depth + 1),
    ),
    ...own,
  ];
}

function isBinary(schema: Located, references: References, depth: number): boolean {
  if (depth > 2 || !isObject(schema.value)) return false;
  const { value, place } = references.object(schema.value, schema.place, 'a schema');
  const { type, format, contentEncoding, contentMediaType } = value;
  if (type === 'file' || format === 'binary' || format === 'byte') return true;
  if (contentEncoding === 'base64' || contentMediaType === 'application/octet-stream') return true;
  return (
    type === 'array' && isBinary({ value: value['items'], place: `${place}/items` }, references, depth + 1)
  );
}
