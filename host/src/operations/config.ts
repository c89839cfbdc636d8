/**
 * `host/config/*`: the configuration in force, and whether the node would take another. Neither changes anything: a
 * configuration is set locally. `docs/spec/registry.md` 15.
 *
 * @module
 */

import { type AnyOperation, defineOperation, Type } from '@alknet/sdk';
import { ConfigError, type LiveConfig, originsOf } from '../config/index.ts';
import { optional, readAccess, Text } from './parts.ts';

const Origin = Type.Union([
  Type.Literal('file'),
  Type.Literal('default'),
  Type.Literal('option'),
  Type.Literal('environment'),
]);

const Problem = Type.Object({
  pointer: Text,
  line: Type.Integer(),
  column: Type.Integer(),
  message: Text,
  expected: optional(Text),
  received: optional(Text),
  suggestion: optional(Text),
});

export function configOperations(live: LiveConfig): AnyOperation[] {
  const show = defineOperation({
    name: 'host/config/show',
    type: 'query',
    access: readAccess,
    input: Type.Object({}),
    output: Type.Object({
      path: Text,
      revision: Text,
      config: Type.Record(Text, Type.Unknown()),
      origins: Type.Record(Type.String({ description: 'JSON Pointer into config' }), Origin),
    }),
    title: 'Configuration',
    description:
      'The configuration in force: times in milliseconds, sizes in bytes, paths absolute, secrets as references.',
    handler: () => {
      const { inForce } = live;
      return {
        path: live.path,
        revision: live.revision,
        config: plain(inForce.config),
        origins: originsOf(inForce),
      };
    },
  });

  const validate = defineOperation({
    name: 'host/config/validate',
    type: 'query',
    access: readAccess,
    input: Type.Object({ text: Type.String({ description: 'of a configuration file' }) }),
    output: Type.Object({ valid: Type.Boolean(), problems: Type.Array(Problem) }),
    title: 'Check a configuration',
    description: 'Whether the node would take the text as its configuration. Nothing is changed.',
    handler: async ({ text }) => {
      try {
        await live.validate(Buffer.from(text));
        return { valid: true, problems: [] };
      } catch (error) {
        if (error instanceof ConfigError) return { valid: false, problems: error.problems.map(plain) };
        throw error;
      }
    },
  });

  return [show, validate];
}

/** As it goes over the wire: without members that are undefined. */
function plain<Value>(value: Value): Value & Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Value & Record<string, unknown>;
}
