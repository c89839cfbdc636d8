/**
 * The text of an OpenAPI document to its value: JSON, and YAML 1.2 only when it is no JSON. What comes out is a tree of
 * bounded size, whatever came in. `docs/spec/http.md` 18. Pure.
 *
 * @module
 */

import { AdapterError } from '@alknet/sdk';
import { Composer, type CST, isAlias, Parser, visit } from 'yaml';
import { found, isObject, type JsonObject, member } from '../json.ts';

/** Bytes. */
export const maxDocument = 32 * 1024 * 1024;
const maxAliases = 100;
const maxDepth = 200;
const maxValues = 5_000_000;

/** @throws AdapterError `SchemaParse` */
export function readDocument(text: string, place: string): unknown {
  const fault = (what: string, cause?: unknown) =>
    new AdapterError('SchemaParse', `${place}: ${what}`, { cause });
  if (Buffer.byteLength(text) > maxDocument)
    throw fault(`expected a document of at most ${maxDocument / 1024 / 1024} MiB`);
  const plain = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  let value: unknown;
  try {
    value = JSON.parse(plain);
  } catch (notJson) {
    // What begins like JSON is meant as JSON: YAML's message would lead astray.
    value = readYaml(plain, (what, cause) =>
      /^\s*\{/.test(plain) ? fault(`neither JSON (${reason(notJson)}) nor YAML`, cause) : fault(what, cause),
    );
  }
  return checkTree(value, fault);
}

const yamlOptions = { version: '1.2', schema: 'core', merge: false, uniqueKeys: false } as const;

function readYaml(text: string, fault: (what: string, cause?: unknown) => AdapterError): unknown {
  try {
    const tokens = [...new Parser().parse(text)];
    checkNesting(tokens);
    const [document] = new Composer(yamlOptions).compose(tokens, true, text.length);
    if (document === undefined) throw new Error('it is empty');
    const [error] = document.errors;
    if (error !== undefined) throw error;
    let aliases = 0;
    visit(document, (_key, node) => {
      if (isAlias(node) && ++aliases > maxAliases) throw new Error(`more than ${maxAliases} aliases`);
    });
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw fault(`neither JSON nor YAML: ${reason(error)}`, error);
  }
}

/** Before anything recurses over it: where a stack ends, V8 may end the process. */
function checkNesting(tokens: readonly CST.Token[]): void {
  let level: readonly CST.Token[] = tokens;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw new Error(`nested more than ${maxDepth} levels deep`);
    level = level.flatMap((token) => {
      if (token.type === 'document') return token.value === undefined ? [] : [token.value];
      if (!('items' in token)) return [];
      return token.items.flatMap(({ key, value }) =>
        [key, value].filter((each) => each !== undefined && each !== null),
      );
    });
  }
}

/** Neither cycle nor bomb: aliases make YAML a graph. */
function checkTree(root: unknown, fault: (what: string) => AdapterError): unknown {
  let level: unknown[] = [root];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length;
    if (depth > maxDepth) throw fault(`nested more than ${maxDepth} levels deep`);
    if (values > maxValues) throw fault(`more than ${maxValues} values`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      for (const each of Array.isArray(value) ? value : Object.values(value)) next.push(each);
      if (values + next.length > maxValues) throw fault(`more than ${maxValues} values`);
    }
    level = next;
  }
  return root;
}

/** One line of an error of a parser. */
function reason(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line.slice(0, 200);
}

export interface OpenApiRoot {
  readonly root: JsonObject;
  /** Whether schemas are those of OpenAPI 3.0, which are no JSON Schemas yet. */
  readonly is30: boolean;
}

/** What any document must have before it is looked into. @throws AdapterError `SchemaParse` */
export function checkRoot(value: unknown, place: string): OpenApiRoot {
  const fault = (what: string) => new AdapterError('SchemaParse', `${place}: ${what}`);
  if (!isObject(value)) throw fault(`expected an OpenAPI document, an object, found ${found(value)}`);
  const swagger = member(value, 'swagger');
  if (swagger !== undefined) {
    throw fault(
      `#/swagger: this is Swagger ${found(swagger)}; expected OpenAPI 3: convert it first, for example with swagger2openapi`,
    );
  }
  const version = member(value, 'openapi');
  const [, minor] = (typeof version === 'string' && /^3\.([012])(?:\.|$)/.exec(version)) || [];
  if (minor === undefined) throw fault(`#/openapi: expected 3.0, 3.1 or 3.2, found ${found(version)}`);
  for (const key of ['info', 'paths'] as const) {
    const part = member(value, key);
    if (!isObject(part)) throw fault(`#/${key}: expected an object, found ${found(part)}`);
  }
  return { root: value, is30: minor === '0' };
}
