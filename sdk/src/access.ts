/**
 * The access check. `docs/spec/registry.md` 5. Pure: rule, identity and input in, verdict out.
 *
 * @module
 */

import { CallError } from './errors.ts';
import type { Identity } from './identity.ts';
import { isScope } from './names.ts';
import type { Access, ResourceRule } from './operation.ts';

/** Whether the identity of that id owns the resource. */
export type Owns = (identityId: string, type: string, id: string) => boolean;

const maxResourceId = 1024;
const encoder = new TextEncoder();

/** The refusal, or `undefined` when the call is allowed. */
export function checkAccess(
  access: Access,
  identity: Identity | null,
  input: unknown,
  owns: Owns,
): CallError | undefined {
  if (access === 'public') return undefined;
  const scopes = checkScopes(access, identity);
  if (scopes !== undefined) return scopes;
  if (identity === null || access === 'authenticated' || access.resource === undefined) return undefined;
  return checkResource(access.resource, identity, input, owns);
}

/** Steps 2 to 4 and 5c, which need no input: whether the operation is shown to the caller at all. */
export function isVisible(access: Access, identity: Identity | null): boolean {
  if (access === 'public') return true;
  if (checkScopes(access, identity) !== undefined || identity === null) return false;
  if (access === 'authenticated' || access.resource === undefined) return true;
  const { path, list } = access.resource;
  return path !== undefined || list === true || missingGrant(access.resource, identity) === undefined;
}

function checkScopes(access: Exclude<Access, 'public'>, identity: Identity | null): CallError | undefined {
  if (identity === null) return forbidden('authentication required');
  if (access === 'authenticated') return undefined;
  for (const scope of access.scopes ?? []) {
    if (!identity.scopes.includes(scope)) return forbidden(`missing required scope: ${scope}`);
  }
  const { anyScopes } = access;
  if (anyScopes !== undefined && !anyScopes.some((scope) => identity.scopes.includes(scope))) {
    return forbidden(`missing required scope (any of: ${anyScopes.join(', ')})`);
  }
  return undefined;
}

function checkResource(
  rule: ResourceRule,
  identity: Identity,
  input: unknown,
  owns: Owns,
): CallError | undefined {
  const { type, path, list } = rule;
  if (path !== undefined && type !== undefined) {
    const id = pointer(input, path);
    if (typeof id !== 'string' || id === '' || encoder.encode(id).length > maxResourceId) {
      return new CallError('INVALID_INPUT', `resource id missing: ${path}`);
    }
    if (owns(identity.id, type, id) || missingGrant(rule, identity) === undefined) return undefined;
    return forbidden(`not owner of resource: ${type}/${id}`);
  }
  if (list === true) return undefined;
  const missing = missingGrant(rule, identity);
  return missing === undefined ? undefined : forbidden(missing);
}

/** Words of the refusal when the identity has no static grant for type and action. */
function missingGrant({ type, action }: ResourceRule, { resources }: Identity): string | undefined {
  const has = (words: readonly string[] | undefined) =>
    words !== undefined &&
    (action === undefined ? words.length > 0 : words.includes(action) || words.includes('manage'));
  if (type !== undefined) {
    const words = Object.hasOwn(resources, type) ? resources[type] : undefined;
    if (has(words)) return undefined;
    return action === undefined ? `missing resource: ${type}` : `missing resource: ${type}/${action}`;
  }
  if (action === undefined) return undefined;
  return Object.values(resources).some((words) => words.includes(action))
    ? undefined
    : `missing resource action: ${action}`;
}

function forbidden(message: string): CallError {
  return new CallError('FORBIDDEN', message);
}

/** The value at a JSON Pointer (RFC 6901), `undefined` when there is none. */
export function pointer(value: unknown, path: string): unknown {
  if (path === '') return value;
  let at = value;
  for (const token of path.slice(1).split('/')) {
    const key = token.replace(/~1/g, '/').replace(/~0/g, '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** What is wrong with a rule, or `undefined`. */
export function accessFault(access: unknown): string | undefined {
  if (access === 'public' || access === 'authenticated') return undefined;
  if (typeof access !== 'object' || access === null) {
    return 'access: expected "public", "authenticated" or { scopes, anyScopes, resource }';
  }
  const rule = access as Record<string, unknown>;
  const known = ['scopes', 'anyScopes', 'resource'];
  const unknown = Object.keys(rule).find((key) => !known.includes(key));
  if (unknown !== undefined) return `access.${unknown}: unknown member`;
  if (Object.keys(rule).length === 0)
    return 'access: at least one of scopes, anyScopes and resource is needed';
  for (const member of ['scopes', 'anyScopes'] as const) {
    const words = rule[member];
    if (words === undefined) continue;
    if (!Array.isArray(words) || words.some((word) => typeof word !== 'string' || !isScope(word))) {
      return `access.${member}: expected a list of words of 1 to 128 visible ASCII characters`;
    }
  }
  return rule['resource'] === undefined ? undefined : resourceFault(rule['resource']);
}

function resourceFault(resource: unknown): string | undefined {
  if (typeof resource !== 'object' || resource === null) return 'access.resource: expected an object';
  const { type, action, path, list, ...rest } = resource as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `access.resource.${unknown}: unknown member`;
  for (const [name, word] of Object.entries({ type, action })) {
    if (word !== undefined && (typeof word !== 'string' || !isScope(word)))
      return `access.resource.${name}: expected a word`;
  }
  if (path !== undefined && (typeof path !== 'string' || (path !== '' && !path.startsWith('/')))) {
    return 'access.resource.path: expected a JSON Pointer such as "/id"';
  }
  if (path !== undefined && type === undefined) return 'access.resource.path needs access.resource.type';
  if (path !== undefined && list === true)
    return 'access.resource.path and access.resource.list exclude each other';
  if (list !== undefined && typeof list !== 'boolean') return 'access.resource.list: expected true or false';
  return undefined;
}
