/**
 * What the author says about a plugin that is checked: the config it runs with, inputs, what is said on its streams. The
 * members are those of `conformance(plugin, …)` in its tests.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { compileSchema, type Static, Type } from '@alknet/sdk';
import { reasonOf } from '../../plugins/index.ts';
import { usage } from '../exit.ts';

const schema = Type.Object(
  {
    config: Type.Optional(Type.Any()),
    inputs: Type.Optional(Type.Record(Type.String(), Type.Any())),
    streams: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            send: Type.Optional(Type.String()),
            receive: Type.Optional(Type.String()),
            endless: Type.Optional(Type.Boolean()),
          },
          { additionalProperties: false },
        ),
      ),
    ),
    /** Milliseconds. */
    patience: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);

export type Samples = Static<typeof schema>;

/** @throws CliError exit 2 that names the place in the file */
export async function readSamples(path: string | undefined): Promise<Samples> {
  if (path === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw usage(`--samples: ${path} cannot be read as JSON: ${reasonOf(error)}`);
  }
  const [issue] = compileSchema(schema)(value) ?? [];
  if (issue !== undefined)
    throw usage(
      `--samples: ${path}: ${issue.path || '/'} ${issue.message}`,
      'config, inputs by operation, streams by ALPN, patience in milliseconds',
    );
  return value as Samples;
}
