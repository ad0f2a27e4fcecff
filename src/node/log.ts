// Structured logging: one JSON object a line. Passed in as an argument, never imported as a global,
// so that two nodes in one process can be told apart and tests can collect lines.

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line also carries `fields`. */
  child(fields: LogFields): Log;
}

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

const printable = (value: unknown): unknown => {
  if (value instanceof Error) return { message: value.message, stack: value.stack };
  return typeof value === 'bigint' ? value.toString() : value;
};

/** A log that calls `write(level, message, fields)` for every line at or above `min`. */
export const makeLog = (
  min: LogLevel,
  write: (level: LogLevel, message: string, fields: LogFields) => void,
  bound: LogFields = {},
): Log => {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(min)) {
        write(level, message, { ...bound, ...fields });
      }
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => makeLog(min, write, { ...bound, ...fields }),
  };
};

/** JSON lines to `out` (a stream-like `write`), with the time of `now()` in milliseconds. */
export const jsonLog = (min: LogLevel, now: () => number, out: (line: string) => void): Log =>
  makeLog(min, (level, message, fields) => {
    const shown = Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, printable(v)]));
    out(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...shown })}\n`);
  });

/** A log that says nothing. */
export const silentLog = (): Log => makeLog('error', () => undefined);
