// Log lines in the form of the originals: logfmt when stderr is a file or pipe, coloured columns on
// a terminal. Writes nothing itself: the caller passes the sink.

import { type Log, type LogFields, type LogLevel, makeLog } from '../node/log.ts';

const NAMES: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
};
const SHORT: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBU',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERRO',
};
const COLOUR: Readonly<Record<LogLevel, number>> = { debug: 37, info: 36, warn: 33, error: 31 };
const MESSAGE_COLUMNS = 44;

const two = (n: number): string => String(n).padStart(2, '0');

/** Local time as RFC 3339 with whole seconds; `Z` when the zone is UTC. */
export const localTime = (ms: number): string => {
  const at = new Date(ms);
  const offset = -at.getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
};

const plain = (value: unknown): string => {
  if (value instanceof Error) return value.message;
  if (Array.isArray(value)) return `[${value.map(plain).join(' ')}]`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
};

const escaped = (text: string): string =>
  JSON.stringify(text)
    .replace(/\u007f/g, '\\x7f')
    .replace(/\\u00([01][0-9a-f])/g, '\\x$1');

/**
 * A value as it stands after `=`: quoted unless it is made of letters, digits and `-._/@^+` only.
 */
export const logValue = (value: unknown): string => {
  const text = plain(value);
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : escaped(text);
};

const sorted = (fields: LogFields): (readonly [string, unknown])[] =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** `time="…" level=info msg="…" key=value`, without a newline. */
export const logfmtLine = (
  ms: number,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string =>
  [
    `time="${localTime(ms)}"`,
    `level=${NAMES[level]}`,
    `msg=${logValue(message)}`,
    ...sorted(fields).map(([key, value]) => `${key}=${logValue(value)}`),
  ].join(' ');

/** `INFO[0000] message      key=value`, seconds since start in brackets, without a newline. */
export const terminalLine = (
  seconds: number,
  level: LogLevel,
  message: string,
  fields: LogFields,
  colours: boolean,
): string => {
  const paint = (text: string): string =>
    colours ? `\u001b[${COLOUR[level]}m${text}\u001b[0m` : text;
  const head = `${paint(SHORT[level])}[${String(seconds).padStart(4, '0')}]`;
  const tail = sorted(fields).map(([key, value]) => ` ${paint(key)}=${logValue(value)}`);
  return `${head} ${message.padEnd(MESSAGE_COLUMNS)}${tail.join('')}`.trimEnd();
};

export interface LogSink {
  readonly write: (line: string) => void;
  readonly terminal: boolean;
  readonly colours: boolean;
  /** Wall time in ms. */
  readonly now: () => number;
}

/** A log that writes documented lines; `verbose` adds the debug level. */
export const logrusLog = (sink: LogSink, verbose: boolean): Log => {
  const startedMs = sink.now();
  return makeLog(verbose ? 'debug' : 'info', (level, message, fields) => {
    const now = sink.now();
    const line = sink.terminal
      ? terminalLine(Math.floor((now - startedMs) / 1000), level, message, fields, sink.colours)
      : logfmtLine(now, level, message, fields);
    sink.write(`${line}\n`);
  });
};
