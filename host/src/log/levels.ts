import type { LogLevel } from '@alknet/sdk';

/** pino's numbers, with `notice` between `info` and `warn`. */
export const levelNumbers: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  notice: 35,
  warn: 40,
  error: 50,
};
