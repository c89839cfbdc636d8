/**
 * `call`, `subscribe`, `ops`, `schema`: the operations of a node.
 *
 * @module
 */

import { CallError } from '@alknet/sdk/streams';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { readInput } from '../input.ts';
import { table } from '../output.ts';
import { pages } from '../pages.ts';
import { readSecretInput } from '../secret-file.ts';
import { toTypeScript } from '../typescript.ts';

const tokenFile = {
  name: 'token-file',
  value: 'F',
  help: 'call as the owner of the bearer token in this file',
};

export const callCommand: Command = {
  path: ['call'],
  summary: 'Call an operation',
  usage: 'OP [INPUT | key=value … | key:=json …]',
  options: [tokenFile],
  examples: [
    'alknet call services/list',
    'alknet call services/schema name=services/list',
    `alknet call services/list '{ "limit": 3 }'`,
  ],
  arguments: [1, Number.POSITIVE_INFINITY],
  completes: 'operations',
  run: async (context) => {
    const [name = '', ...words] = context.args;
    const input = await readInput(words);
    const session = await context.session();
    try {
      const output = await session.call(name, input, await options(context));
      context.out.result(output, typeof output === 'string' ? output : JSON.stringify(output, null, 2));
    } finally {
      session.close();
    }
    return undefined;
  },
};

export const subscribeCommand: Command = {
  path: ['subscribe'],
  summary: 'Follow a subscription, one value a line',
  usage: 'OP [INPUT …]',
  options: [tokenFile, { name: 'count', value: 'N', help: 'end after N values' }],
  examples: ['alknet subscribe services/watch --count 1'],
  arguments: [1, Number.POSITIVE_INFINITY],
  completes: 'operations',
  run: async (context) => {
    const [name = '', ...words] = context.args;
    const count = wholeNumber(context, 'count');
    const input = await readInput(words);
    const session = await context.session();
    let seen = 0;
    try {
      for await (const value of session.subscribe(name, input, await options(context))) {
        context.out.item(value);
        if (++seen === count) break;
      }
    } finally {
      // The abort that leaving sends goes out first.
      await new Promise((resolve) => setTimeout(resolve, 20));
      session.close();
    }
    return undefined;
  },
};

async function options(context: Context) {
  const file = context.value('token-file');
  const token = file === undefined ? undefined : (await readSecretInput(file, '--token-file')).trim();
  return {
    // Without the option the operation's own deadline holds.
    ...(context.value('timeout') === undefined ? {} : { timeoutMs: context.timeout }),
    signal: context.signal,
    ...(token === undefined ? {} : { authToken: token }),
  };
}

function wholeNumber(context: Context, name: string): number | undefined {
  const text = context.value(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw usage(`--${name}: expected a whole number above 0, found ${JSON.stringify(text)}`);
  return value;
}

interface Entry {
  readonly name: string;
  readonly op_type: string;
  readonly description: string;
  readonly spec: Spec;
}

interface Spec {
  readonly name: string;
  readonly op_type: string;
  readonly input_schema: unknown;
  readonly output_schema: unknown;
  readonly error_schemas: readonly { code: string; schema: unknown }[];
  readonly access_control: {
    required_scopes: string[];
    required_scopes_any: string[] | null;
    resource_type: string | null;
    authenticated: boolean;
  };
}

export const opsCommand: Command = {
  path: ['ops'],
  summary: 'List the operations that you may call',
  usage: '[PATTERN]',
  options: [{ name: 'all', help: 'every operation of the node, with provenance; for its operators' }],
  examples: ['alknet ops', 'alknet ops "services/*"', 'alknet ops --all'],
  arguments: [0, 1],
  run: async (context) => {
    if (context.has('all')) return await everyOperation(context);
    const session = await context.session();
    try {
      const found: Entry[] = [];
      let cursor: string | undefined;
      do {
        const page = (await session.call(
          'services/list',
          { schemas: true, ...(cursor === undefined ? {} : { cursor }) },
          await options(context),
        )) as {
          operations: Entry[];
          next_cursor?: string;
        };
        found.push(...page.operations);
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      const wanted = matcher(context.args[0]);
      const rows = found
        .filter(({ name }) => wanted(name))
        .map(({ name, op_type, description, spec }) => ({
          name,
          type: op_type,
          access: accessText(spec),
          description,
        }));
      context.out.result(
        rows,
        table(
          ['name', 'type', 'access', 'description'],
          rows.map((row) => [row.name, row.type, row.access, row.description]),
        ),
      );
    } finally {
      session.close();
    }
    return undefined;
  },
};

interface Inspected {
  readonly name: string;
  readonly type: string;
  readonly visibility: string;
  readonly provenance: unknown;
}

/** What operators see of the whole registry, Internal operations included. */
async function everyOperation(context: Context): Promise<undefined> {
  const found = await context.overSession(async (session) => {
    const all: Inspected[] = [];
    const found = pages<{ operations: readonly Inspected[] }>(
      session,
      'host/operations',
      await options(context),
    );
    for await (const { operations } of found) all.push(...operations);
    return all;
  });
  const wanted = matcher(context.args[0]);
  const rows = found.filter(({ name }) => wanted(name));
  context.out.result(
    rows,
    table(
      ['name', 'type', 'visibility', 'provenance'],
      rows.map(({ name, type, visibility, provenance }) => [name, type, visibility, originText(provenance)]),
    ),
  );
  return undefined;
}

function originText(provenance: unknown): string {
  const { plugin } = (provenance ?? {}) as { plugin?: { package?: unknown; version?: unknown } };
  const { package: from, version } = plugin ?? {};
  return [from, version].filter((part) => typeof part === 'string').join(' ');
}

/** A substring, or with `*` a pattern of the whole name. */
function matcher(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  if (!pattern.includes('*')) return (name) => name.includes(pattern);
  const expression = new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
  return (name) => expression.test(name);
}

function accessText({ access_control: rule }: Spec): string {
  const parts = [...rule.required_scopes];
  if (rule.required_scopes_any !== null) parts.push(rule.required_scopes_any.join('|'));
  if (rule.resource_type !== null) parts.push(`${rule.resource_type}/…`);
  return parts.join(' ') || (rule.authenticated ? 'authenticated' : 'public');
}

export const schemaCommand: Command = {
  path: ['schema'],
  summary: 'Describe an operation',
  usage: 'OP',
  options: [
    { name: 'input', help: 'the schema of its input' },
    { name: 'output', help: 'the schema of its output' },
    { name: 'errors', help: 'its errors' },
    { name: 'ts', help: 'as TypeScript types' },
  ],
  examples: ['alknet schema services/list --input', 'alknet schema services/list --ts'],
  arguments: [1, 1],
  completes: 'operations',
  run: async (context) => {
    const session = await context.session();
    try {
      const spec = (await session.call(
        'services/schema',
        { name: context.args[0] },
        await options(context),
      )) as Spec;
      if (context.has('ts')) {
        const text = toTypeScript(spec);
        context.out.result({ typescript: text }, text);
        return undefined;
      }
      const part = context.has('input')
        ? spec.input_schema
        : context.has('output')
          ? spec.output_schema
          : context.has('errors')
            ? spec.error_schemas
            : spec;
      context.out.result(part, JSON.stringify(part, null, 2));
    } catch (error) {
      if (error instanceof CallError && error.code === 'NOT_FOUND') {
        throw new CliError(Exit.NOT_FOUND, error.message, { code: error.code, hint: 'alknet ops' });
      }
      throw error;
    } finally {
      session.close();
    }
    return undefined;
  },
};
