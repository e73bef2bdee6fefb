import { type Logger, pino } from 'pino';

export type { Logger };

/** Structured logs, one JSON object a line, on standard error. Header and body values never go in; see `Secret`. */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
