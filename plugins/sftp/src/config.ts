/**
 * The configuration of the plugin. `docs/spec/sftp.md` 8.
 *
 * @module
 */

import { Duration, inMilliseconds, type Static, Type } from '@alknet/sdk';
import { defaultMaxPacket } from './codec/index.ts';

/** Seconds. More than the greatest does not fit a timer of Node.js. */
const idle = { minimum: 1, maximum: 2_000_000 };

export const configSchema = Type.Object(
  {
    exports: Type.Array(Type.String({ maxLength: 5000 }), {
      default: [],
      description: 'directories under a name: "name:/absolute/path:rw" or ":ro"',
    }),
    maxPacket: Type.Integer({
      minimum: 34_000,
      maximum: 16_777_216,
      default: defaultMaxPacket,
      description: 'bytes of the largest packet',
    }),
    maxInFlight: Type.Integer({
      minimum: 1,
      maximum: 1024,
      default: 64,
      description: 'requests in work for one session',
    }),
    maxHandles: Type.Integer({
      minimum: 1,
      maximum: 65_536,
      default: 256,
      description: 'open files and directories of one session',
    }),
    maxSessions: Type.Object(
      {
        perIdentity: Type.Integer({ minimum: 1, default: 32 }),
        total: Type.Integer({ minimum: 1, default: 256 }),
      },
      { additionalProperties: false, default: {}, description: 'sessions at a time' },
    ),
    idleTimeout: Duration({
      ...idle,
      default: '1h',
      description: 'time without a request, 1 to 2000000 seconds',
    }),
    allowOwner: Type.Boolean({ default: false, description: 'clients may change uid and gid' }),
    followLinks: Type.Boolean({
      default: true,
      description: 'false: a symbolic link on a path is refused',
    }),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof configSchema>;

/** Milliseconds without a request. @throws RangeError for text outside the range, which the schema holds only numbers to */
export function idleTimeoutOf({ idleTimeout }: Config): number {
  const milliseconds = inMilliseconds(idleTimeout);
  if (milliseconds >= idle.minimum * 1000 && milliseconds <= idle.maximum * 1000) return milliseconds;
  throw new RangeError(
    `idleTimeout: expected ${idle.minimum} to ${idle.maximum} seconds, found ${JSON.stringify(idleTimeout)}`,
  );
}
