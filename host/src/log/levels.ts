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

export function levelName(number: number): LogLevel {
  for (const [name, value] of Object.entries(levelNumbers)) if (value === number) return name as LogLevel;
  return 'info';
}
