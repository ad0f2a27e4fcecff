// What is wrong with a JSON text, in the words of the original servers. Never quotes more than one
// character of it.

import { TOO_MANY_VALUES } from '../node/model/json.ts';

const AT = /at position (\d+)/;
const TOKEN = /^Unexpected token '(.)'/su;

// How the engine's message goes on where the original's says where the character stood.
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/^Unexpected non-whitespace character after JSON/, 'after top-level value'],
  [/^Expected (?:double-quoted )?property name/, 'looking for beginning of object key string'],
  [/^Expected ':'/, 'after object key'],
  [/^Expected ',' or '}'/, 'after object key:value pair'],
  [/^Expected ',' or '\]'/, 'after array element'],
  [/^Bad (?:escaped character|Unicode escape)/, 'in string escape code'],
  [/^Bad control character/, 'in string literal'],
  [/^No number after minus/, 'in numeric literal'],
];

const shown = (character: string): string => {
  if (character === "'") return `'\\''`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
};

/** The sentence for an error thrown by parsing `text`. */
export const jsonProblem = (text: string, error: unknown): string => {
  if (error instanceof RangeError) {
    return error.message === TOO_MANY_VALUES ? TOO_MANY_VALUES : 'exceeded max depth';
  }
  const message = error instanceof Error ? error.message : '';
  const token = TOKEN.exec(message)?.[1];
  if (token !== undefined)
    return `invalid character ${shown(token)} looking for beginning of value`;
  const at = AT.exec(message);
  const codePoint = at === null ? undefined : text.codePointAt(Number(at[1]));
  if (codePoint === undefined) return 'unexpected end of JSON input';
  const place = PLACES.find(([pattern]) => pattern.test(message))?.[1];
  return `invalid character ${shown(String.fromCodePoint(codePoint))} ${place ?? 'in JSON text'}`;
};
