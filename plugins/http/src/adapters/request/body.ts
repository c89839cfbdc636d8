/**
 * The body of a request: the bytes, and the `Content-Type` that tells them apart. `docs/spec/http.md` 18.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { CallError } from '@alknet/sdk';
import { isObject, jsonText } from '../json.ts';
import type { BodyPlan, ParameterPlan, PartPlan } from '../plan.ts';
import { queryPairs, scalar } from './style.ts';

export interface EncodedBody {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** @throws CallError `INVALID_INPUT` */
export function encodeBody(plan: BodyPlan, value: unknown): EncodedBody {
  const { kind, mediaType, parts } = plan;
  // A range such as `*/*` is no type of a body.
  const contentType = mediaType.includes('*') ? fallbacks[kind] : mediaType;
  if (kind === 'json') return { contentType, bytes: utf8(jsonText(value)) };
  if (kind === 'text') return { contentType: withCharset(contentType), bytes: utf8(scalar(value)) };
  if (kind === 'bytes') return { contentType, bytes: bytesOf(value, 'body') };
  if (!isObject(value)) throw invalid('body', 'expected an object, for a form');
  if (kind === 'form') return { contentType, bytes: utf8(form(value, parts)) };
  const boundary = `alknet-${randomBytes(18).toString('base64url')}`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: multipart(value, parts, boundary),
  };
}

const fallbacks = {
  json: 'application/json',
  text: 'text/plain',
  bytes: 'application/octet-stream',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
} as const;

function invalid(place: string, what: string): CallError {
  return new CallError('INVALID_INPUT', `invalid input: /${place} ${what}`);
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

function withCharset(type: string): string {
  return /;\s*charset=/i.test(type)
    ? type.replace(/charset=[^;]*/i, 'charset=utf-8')
    : `${type}; charset=utf-8`;
}

/** Base64 text, or bytes that the schema has had decoded. */
function bytesOf(value: unknown, place: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw invalid(place, 'expected base64 text');
  return Buffer.from(value, 'base64');
}

function parameterOf(name: string, part: PartPlan | undefined): ParameterPlan {
  const style = part?.style ?? 'form';
  return {
    property: name,
    name,
    in: 'query',
    style,
    explode: part?.explode ?? style === 'form',
    allowReserved: part?.allowReserved === true,
    json: false,
  };
}

/** Members that are objects are sent as the encoding says, as JSON when it says nothing. */
function form(value: object, parts: ReadonlyMap<string, PartPlan>): string {
  const pairs = Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
    if (each === undefined) return [];
    const part = parts.get(name);
    const json = isObject(each) && !(each instanceof Uint8Array) && part?.style === undefined;
    return queryPairs(each, { ...parameterOf(name, part), json });
  });
  // application/x-www-form-urlencoded writes a space as +.
  return pairs.join('&').replaceAll('%20', '+');
}

function multipart(value: object, parts: ReadonlyMap<string, PartPlan>, boundary: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    const plan = parts.get(name);
    // Lists are repeated parts; one of JSON type is one part.
    const repeated = Array.isArray(member) && plan?.contentType !== 'application/json';
    for (const each of repeated ? member : [member]) {
      const { head, bytes } = partOf(name, each, plan);
      chunks.push(utf8(`--${boundary}\r\n${head}\r\n\r\n`), bytes, utf8('\r\n'));
    }
  }
  chunks.push(utf8(`--${boundary}--\r\n`));
  return Buffer.concat(chunks);
}

function partOf(name: string, value: unknown, plan: PartPlan | undefined) {
  const file = fileOf(name, value, plan);
  if (file !== undefined) {
    const type = file.contentType ?? plan?.contentType ?? 'application/octet-stream';
    return { head: headOf(name, type, file.filename ?? name), bytes: file.bytes };
  }
  const json = typeof value === 'object' && value !== null;
  const type = plan?.contentType ?? (json ? 'application/json' : undefined);
  return { head: headOf(name, type, undefined), bytes: utf8(json ? jsonText(value) : scalar(value)) };
}

function fileOf(name: string, value: unknown, plan: PartPlan | undefined) {
  if (plan?.binary !== true) return undefined;
  if (isObject(value) && !(value instanceof Uint8Array)) {
    const { data, filename, contentType } = value;
    return {
      bytes: bytesOf(data, `body/${name}/data`),
      filename: typeof filename === 'string' ? filename : undefined,
      contentType: typeof contentType === 'string' ? contentType : undefined,
    };
  }
  return { bytes: bytesOf(value, `body/${name}`), filename: undefined, contentType: undefined };
}

function headOf(name: string, type: string | undefined, filename: string | undefined): string {
  const file = filename === undefined ? '' : `; filename="${quoted(filename)}"`;
  const disposition = `Content-Disposition: form-data; name="${quoted(name)}"${file}`;
  if (type === undefined) return disposition;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(type)) throw invalid('body', 'a content type has control characters');
  return `${disposition}\r\nContent-Type: ${type}`;
}

/** As HTML forms escape names (WHATWG, multipart/form-data encoding algorithm). */
function quoted(text: string): string {
  return text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}
