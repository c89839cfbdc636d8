/**
 * What another node offers, asked of its discovery and checked: nothing of it is trusted. `docs/spec/registry.md` 13.2.
 *
 * @module
 */

import {
  type Access,
  AdapterError,
  CallError,
  type DeclaredError,
  type OperationSpec,
  type RemoteCaller,
  type TSchema,
  Type,
} from '@alknet/sdk';

export const maxRemoteOperations = 5_000;
const maxTotalBytes = 32 * 1024 * 1024;
const discoveryTimeout = 30_000;
const schemasAtOnce = 8;
const attempts = 3;

export interface RemoteOperations {
  readonly revision: string;
  /** Names are the remote's own; `access` is its rule, for display. `services/*` is left out. */
  readonly operations: readonly OperationSpec[];
}

/** @throws AdapterError `DiscoveryFailed`, `SchemaParse` */
export async function discover(remote: RemoteCaller, signal: AbortSignal): Promise<RemoteOperations> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), discoveryTimeout).unref();
  try {
    return await readUnchanged(remote, AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

async function readUnchanged(remote: RemoteCaller, signal: AbortSignal): Promise<RemoteOperations> {
  for (let attempt = 1; ; attempt++) {
    const found = await readAll(remote, signal);
    if (found !== undefined) return found;
    if (attempt === attempts) {
      throw new AdapterError(
        'DiscoveryFailed',
        `its registry changed during ${attempts} readings; try again`,
      );
    }
  }
}

/** `undefined`: the revision changed between pages. */
async function readAll(remote: RemoteCaller, signal: AbortSignal): Promise<RemoteOperations | undefined> {
  const entries: Record<string, unknown>[] = [];
  let revision: string | undefined;
  let cursor: string | undefined;
  let bytes = 0;
  do {
    const page = await ask(
      remote,
      'services/list',
      { schemas: true, ...(cursor === undefined ? {} : { cursor }) },
      signal,
    );
    const { operations, revision: at, next_cursor: next } = isObject(page) ? page : {};
    if (!Array.isArray(operations)) {
      throw new AdapterError('SchemaParse', 'services/list: expected a list "operations" in its answer');
    }
    const seen = typeof at === 'string' ? at : '';
    if (revision !== undefined && revision !== seen) return undefined;
    revision = seen;
    for (const entry of operations) {
      if (!isObject(entry) || typeof entry['name'] !== 'string') {
        throw new AdapterError('SchemaParse', 'services/list: expected a name in each entry');
      }
      if (entry['name'].startsWith('services/')) continue;
      entries.push(entry);
    }
    bytes += JSON.stringify(page).length;
    if (entries.length > maxRemoteOperations || bytes > maxTotalBytes) {
      throw new AdapterError(
        'DiscoveryFailed',
        `it offers more than ${maxRemoteOperations} operations or ${maxTotalBytes / 1024 / 1024} MiB of schemas`,
      );
    }
    cursor = typeof next === 'string' ? next : undefined;
  } while (cursor !== undefined);
  return { revision: revision ?? '', operations: await specsOf(remote, entries, signal) };
}

/** Entries without `spec` are asked one by one. */
async function specsOf(
  remote: RemoteCaller,
  entries: readonly Record<string, unknown>[],
  signal: AbortSignal,
): Promise<OperationSpec[]> {
  const specs: OperationSpec[] = new Array(entries.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < entries.length; at = next++) {
      const entry = entries[at] ?? {};
      const name = String(entry['name']);
      specs[at] = specOf(
        name,
        isObject(entry['spec']) ? entry['spec'] : await ask(remote, 'services/schema', { name }, signal),
      );
    }
  };
  await Promise.all(Array.from({ length: schemasAtOnce }, worker));
  return specs;
}

async function ask(
  remote: RemoteCaller,
  name: string,
  input: Record<string, unknown>,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await remote.call(name, input, { signal });
  } catch (error) {
    const reason = error instanceof CallError ? `${error.code} ${error.message}` : String(error);
    throw new AdapterError('DiscoveryFailed', `${name}: ${reason}`, { cause: error });
  }
}

/** @throws AdapterError `SchemaParse` naming the operation */
export function specOf(name: string, value: unknown): OperationSpec {
  const fault = (what: string) => new AdapterError('SchemaParse', `operation ${name}: ${what}`);
  if (!isObject(value)) throw fault('expected an object as its specification');
  const { op_type: type, title, description, destructive, idempotent, open_world: openWorld } = value;
  const timeoutMs = value['timeout_ms'];
  if (type !== 'query' && type !== 'mutation' && type !== 'subscription') {
    throw fault(
      `op_type: expected query, mutation or subscription, found ${JSON.stringify(type)?.slice(0, 64)}`,
    );
  }
  const errors = value['error_schemas'] ?? [];
  if (!Array.isArray(errors)) throw fault('error_schemas: expected a list');
  return {
    name,
    type,
    access: accessOf(value['access_control']),
    input: schema(value['input_schema'], () => fault('input_schema: expected a schema')),
    output: schema(value['output_schema'], () => fault('output_schema: expected a schema')),
    errors: errors.flatMap((error) => declared(error, fault)),
    ...(typeof title === 'string' && title !== '' ? { title: title.slice(0, 100) } : {}),
    ...(typeof description === 'string' ? { description: description.slice(0, 2000) } : {}),
    ...(typeof destructive === 'boolean' && type === 'mutation' ? { destructive } : {}),
    ...(typeof idempotent === 'boolean' && type === 'mutation' ? { idempotent } : {}),
    ...(typeof openWorld === 'boolean' ? { openWorld } : {}),
    ...(typeof timeoutMs === 'number' &&
    Number.isInteger(timeoutMs) &&
    timeoutMs > 0 &&
    type !== 'subscription'
      ? { timeoutMs }
      : {}),
  };
}

function schema(value: unknown, fault: () => AdapterError): TSchema {
  if (value === true || value === undefined || value === null) return Type.Unknown();
  if (!isObject(value)) throw fault();
  return value as TSchema;
}

/** A code that could not be declared here is left out: it arrives as INTERNAL, like any that is not declared. */
function declared(value: unknown, fault: (what: string) => AdapterError): DeclaredError[] {
  if (!isObject(value) || typeof value['code'] !== 'string')
    throw fault('error_schemas: expected a code in each');
  const { code, description, http_status: httpStatus } = value;
  if (!/^[A-Z][A-Z0-9_]{0,63}$/.test(code as string)) return [];
  return [
    {
      code: code as string,
      ...(typeof description === 'string' && description !== '' ? { description } : {}),
      ...(isObject(value['schema']) && Object.keys(value['schema']).length > 0
        ? { schema: value['schema'] as TSchema }
        : {}),
      ...(typeof httpStatus === 'number' && httpStatus >= 400 && httpStatus <= 599 ? { httpStatus } : {}),
    },
  ];
}

/** What the remote says of who may call, as a rule of ours; one that cannot be read admits nobody. */
export function accessOf(value: unknown): Access {
  if (!isObject(value)) return { anyScopes: [] };
  const words = (list: unknown) =>
    Array.isArray(list) ? list.filter((word): word is string => typeof word === 'string') : [];
  const scopes = words(value['required_scopes']);
  const any = value['required_scopes_any'];
  const { resource_type: type, resource_action: action, resource_id_path: path } = value;
  const list = value['resource_list'] === true;
  const resource =
    typeof type === 'string' || typeof action === 'string' || list
      ? {
          ...(typeof type === 'string' ? { type } : {}),
          ...(typeof action === 'string' ? { action } : {}),
          ...(typeof path === 'string' ? { path } : {}),
          ...(list ? { list } : {}),
        }
      : undefined;
  if (scopes.length === 0 && any === null && resource === undefined) {
    return value['authenticated'] === false ? 'public' : 'authenticated';
  }
  return {
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(Array.isArray(any) ? { anyScopes: words(any) } : {}),
    ...(resource === undefined ? {} : { resource }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
