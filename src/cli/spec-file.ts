// Reading the JSON files that commands take: specifications of processes, functions, colonies,
// runtimes.

import { readFileSync } from 'node:fs';
import { parseJson } from '../node/model/json.ts';
import { advised } from './errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

const readText = (file: string): string => {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw advised(
      `open ${file}: ${REASONS[code] ?? code}`,
      'Give the path of a JSON file, or - to read it from stdin.',
      error,
    );
  }
};

/** The JSON object in `file`, or on stdin when it is `-`; 64-bit integers stay exact. */
export const readSpec = (file: string): JsonObject => {
  let value: unknown;
  const text = readText(file);
  try {
    value = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw advised(
      `${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      'Samples are in the folder examples.',
      error,
    );
  }
  if (isObject(value)) return value;
  throw advised(`${file} holds no JSON object`, 'Samples are in the folder examples.');
};
