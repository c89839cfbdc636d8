/**
 * Values of parameters as text, by `style` and `explode` of OpenAPI (3.1, 4.8.12.3), percent-encoded (RFC 3986). Pure.
 *
 * @module
 */

import { isObject, jsonText } from '../json.ts';
import type { ParameterPlan } from '../plan.ts';

type Encode = (text: string) => string;

/** All but unreserved characters. */
export const encode: Encode = (text) =>
  encodeURIComponent(wellFormed(text)).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** What `allowReserved` lets through: reserved characters, and triplets that are there already. */
export const encodeAllowingReserved: Encode = (text) =>
  encode(text).replaceAll(/%(3A|2F|3F|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D)/g, (triplet) =>
    decodeURIComponent(triplet),
  );

/** Text as is, numbers and booleans in JSON form, null empty, bytes base64, anything else JSON. */
export function scalar(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'bigint' ? value.toString() : jsonText(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !(value instanceof Uint8Array);
}

/** Those of an object that are there. */
function entries(value: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(value).filter(([, each]) => each !== undefined);
}

/** `simple`: of a path or header. */
function simple(value: unknown, explode: boolean, text: Encode): string {
  if (Array.isArray(value)) return value.map((each) => text(scalar(each))).join(',');
  if (!isMap(value)) return text(scalar(value));
  const separator = explode ? '=' : ',';
  return entries(value)
    .map(([key, each]) => `${text(key)}${separator}${text(scalar(each))}`)
    .join(',');
}

export function headerValue(
  value: unknown,
  { explode, json }: Pick<ParameterPlan, 'explode' | 'json'>,
): string {
  return json ? jsonText(value) : simple(value, explode, (text) => text);
}

export function pathValue(value: unknown, { name, style, explode, json }: ParameterPlan): string {
  if (json) return encode(jsonText(value));
  if (style === 'label') {
    if (!explode) return `.${simple(value, false, encode)}`;
    if (Array.isArray(value)) return value.map((each) => `.${encode(scalar(each))}`).join('');
    if (isMap(value))
      return entries(value)
        .map(([key, each]) => `.${encode(key)}=${encode(scalar(each))}`)
        .join('');
    return `.${encode(scalar(value))}`;
  }
  if (style === 'matrix') {
    if (explode && Array.isArray(value))
      return value.map((each) => `;${encode(name)}=${encode(scalar(each))}`).join('');
    if (explode && isMap(value))
      return entries(value)
        .map(([key, each]) => `;${encode(key)}=${encode(scalar(each))}`)
        .join('');
    return `;${encode(name)}=${simple(value, false, encode)}`;
  }
  return simple(value, explode, encode);
}

const separators = { spaceDelimited: '%20', pipeDelimited: '%7C' } as const;

/** `name=value` pairs, ready to be joined by `&`. */
export function queryPairs(
  value: unknown,
  { name, style, explode, json, allowReserved }: ParameterPlan,
): string[] {
  const text = allowReserved ? encodeAllowingReserved : encode;
  if (json) return [`${encode(name)}=${text(jsonText(value))}`];
  if (style === 'deepObject' && isMap(value)) return deep(encode(name), value, text, 0);
  if (Array.isArray(value)) {
    if (explode && style !== 'deepObject')
      return value.map((each) => `${encode(name)}=${text(scalar(each))}`);
    if (style === 'deepObject') return deep(encode(name), value, text, 0);
    const separator = style === 'spaceDelimited' || style === 'pipeDelimited' ? separators[style] : ',';
    return [`${encode(name)}=${value.map((each) => text(scalar(each))).join(separator)}`];
  }
  if (isMap(value)) {
    if (explode && style === 'form')
      return entries(value).map(([key, each]) => `${encode(key)}=${text(scalar(each))}`);
    const separator = style === 'spaceDelimited' || style === 'pipeDelimited' ? separators[style] : ',';
    const flat = entries(value).flatMap(([key, each]) => [text(key), text(scalar(each))]);
    return [`${encode(name)}=${flat.join(separator)}`];
  }
  return [`${encode(name)}=${text(scalar(value))}`];
}

const maxDeep = 16;

/** `name[key]=value`; the specification leaves nesting open, and `name[a][b]=value` is what servers read. */
function deep(prefix: string, value: object, text: Encode, depth: number): string[] {
  return Object.entries(value).flatMap(([key, each]: [string, unknown]) => {
    if (each === undefined) return [];
    const name = `${prefix}[${encode(key)}]`;
    const nests = (isMap(each) || Array.isArray(each)) && depth < maxDeep;
    return nests ? deep(name, each, text, depth + 1) : [`${name}=${text(scalar(each))}`];
  });
}

/** A lone surrogate has no UTF-8. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
