/**
 * `host/log`: the log of the node as it is written. `docs/spec/registry.md` 15, `docs/spec/config.md` 9.
 *
 * @module
 */

import { type AnyOperation, defineOperation, type LogLevel, Type } from '@alknet/sdk';
import { type LogTail, levelNumbers, tailLines } from '../log/index.ts';
import { optional, readAccess, Text } from './parts.ts';

const Level = Type.Union([
  Type.Literal('error'),
  Type.Literal('warn'),
  Type.Literal('notice'),
  Type.Literal('info'),
  Type.Literal('debug'),
  Type.Literal('trace'),
]);

const Line = Type.Object({
  at: Text,
  level: Level,
  plugin: Type.Union([Text, Type.Null()], { description: 'null: the host itself' }),
  message: Text,
  fields: Type.Record(Text, Type.Unknown()),
});

export function logOperation(tail: LogTail): AnyOperation {
  return defineOperation({
    name: 'host/log',
    type: 'subscription',
    access: readAccess,
    input: Type.Object({
      level: optional(Level),
      plugin: optional(Text),
      connection: optional(Type.String({ description: 'connection id' })),
      backlog: optional(Type.Integer({ minimum: 0, maximum: tailLines, default: 0 })),
    }),
    output: Type.Union([Line, Type.Object({ skipped: Type.Integer({ minimum: 1 }) })]),
    title: 'Log',
    description: 'Follows the log of the node, at the levels that its configuration writes.',
    async *handler({ level = 'trace', plugin, connection, backlog = 0 }, { signal }) {
      const read = (text: string) => {
        const line = lineOf(text);
        const fits =
          levelNumbers[line.level] >= levelNumbers[level] &&
          (plugin === undefined || line.plugin === plugin) &&
          (connection === undefined || connectionOf(line) === connection);
        return fits ? line : undefined;
      };
      yield* tail.follow({ read, backlog, signal });
    },
  });
}

function lineOf(text: string) {
  const { time, level, event, plugin, ...fields } = JSON.parse(text) as Record<string, unknown>;
  return {
    at: String(time),
    level: String(level) as LogLevel,
    plugin: typeof plugin === 'string' ? plugin : null,
    message: String(event),
    fields,
  };
}

/** The endpoint's own lines name the connection `id`, all others `connection`. */
function connectionOf({ message, fields }: ReturnType<typeof lineOf>): unknown {
  return message.startsWith('connection ') ? (fields['connection'] ?? fields['id']) : fields['connection'];
}
