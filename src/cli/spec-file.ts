// Reading the JSON files that commands take: specifications of processes, functions, colonies,
// runtimes.

import { closeSync, openSync, readSync } from 'node:fs';
import { LIMITS } from '../node/limits.ts';
import { parseJson, TOO_MANY_VALUES } from '../node/model/json.ts';
import { AdvisedError, advised } from './errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

const SAMPLES = 'Samples are in the folder examples.';
const STDIN = 0;
const CHUNK_BYTES = 64 * 1024;

/** Everything in a file, or on stdin, that is not endless and not larger than any server takes. */
const readBounded = (file: string): string => {
  const fd = file === '-' ? STDIN : openSync(file, 'r');
  try {
    const parts: Buffer[] = [];
    for (let size = 0; size <= LIMITS.bodyBytesMax; ) {
      const part = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = readSync(fd, part);
      if (count === 0) return Buffer.concat(parts).toString();
      parts.push(part.subarray(0, count));
      size += count;
    }
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
  throw advised(
    `${file} is larger than ${LIMITS.bodyBytesMax} bytes, the most that a server takes`,
    'Put large inputs where the worker finds them, and their place into the specification.',
  );
};

const readText = (file: string): string => {
  try {
    return readBounded(file);
  } catch (error) {
    if (error instanceof AdvisedError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw advised(
      `open ${file}: ${REASONS[code] ?? code}`,
      'Give the path of a JSON file, or - to read it from stdin.',
      error,
    );
  }
};

/** Free-form values begin a few objects below the outermost one. */
const DEPTH_MAX = LIMITS.nestingDepthMax + 4;
const TOO_DEEP = `is nested too deeply: more than ${DEPTH_MAX} levels`;

/** Whether a value nests deeper than any server takes; found without recursion. */
const isTooDeep = (value: unknown): boolean => {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= DEPTH_MAX; depth += 1) {
    const parts = level.filter((part) => typeof part === 'object' && part !== null);
    if (parts.length === 0) return false;
    level = parts.flatMap((part) => Object.values(part as object));
  }
  return true;
};

/**
 * The object under `name`, empty when there is none or it is null. Throws when something else is
 * there, which must not be taken for nothing.
 */
export const objectIn = (file: JsonObject, name: string): JsonObject => {
  const value = file[name] ?? {};
  if (isObject(value)) return value;
  throw advised(`${name}: expected an object`, SAMPLES);
};

/** Throws unless the file says `fields` of what it describes. Servers take names in any case. */
export const checkSaid = (file: JsonObject, what: string, fields: readonly string[]): void => {
  const texts = Object.entries(file).filter(([, text]) => typeof text === 'string' && text !== '');
  const said = new Set(texts.map(([name]) => name.toLowerCase()));
  for (const field of fields) {
    if (!said.has(field))
      throw advised(`The file does not say the ${field} of the ${what}`, SAMPLES);
  }
};

/**
 * Throws unless the conditions say which type of worker may run it. Servers take none: it would
 * wait for ever.
 */
export const checkTyped = (conditions: JsonObject, field: string): void => {
  const said = Object.entries(conditions).some(
    ([name, type]) => name.toLowerCase() === field && type !== '' && type !== null,
  );
  if (said) return;
  throw advised(
    `The specification says of no type of worker that it may run it: conditions.${field} is missing`,
    `Without it the process would wait for ever. Add "conditions": {"${field}": "TYPE"}. ${SAMPLES}`,
  );
};

/** What is wrong with a text that was not parsed; RangeError is one that nobody should parse. */
const problemOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof RangeError)) return `is not JSON: ${message}`;
  return message === TOO_MANY_VALUES ? `holds ${TOO_MANY_VALUES}` : TOO_DEEP;
};

/** The JSON object in `file`, or on stdin when it is `-`; 64-bit integers stay exact. */
export const readSpec = (file: string): JsonObject => {
  let value: unknown;
  const text = readText(file);
  try {
    value = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw advised(`${file} ${problemOf(error)}`, SAMPLES, error);
  }
  if (isTooDeep(value)) throw advised(`${file} ${TOO_DEEP}`, SAMPLES);
  if (isObject(value)) return value;
  throw advised(`${file} holds no JSON object`, SAMPLES);
};
