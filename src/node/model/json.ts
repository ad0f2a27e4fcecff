// JSON with exact 64-bit integers in both directions. Reading tells an integer written as `1` from
// one written as `1.0`, as the original servers do; writing prints bigint as a bare number.

import { LIMITS } from '../limits.ts';

/**
 * An integer written with a fraction or an exponent (`1.0`, `1e3`): a number, but no integer field
 * takes it.
 */
export class OddNumber {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  toJSON(): number {
    return this.value;
  }
}

/**
 * Where a number may stand that JSON.parse might not keep; inside of strings too. Those are of 16
 * digits or more, have an exponent, or nothing but zeros behind the point: fewer digits always read
 * as the number that they say.
 */
const SUSPECT = /(?:^|[:[,])\s*-?(?:\d{16}|[\d.]{17}|\d+\.0*(?!\d)|\d+(?:\.\d*)?[eE])/;
const TOKEN = /"|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d+$/;
const ESCAPED = /[<>&\u2028\u2029]/;
const ESCAPED_ALL = new RegExp(ESCAPED, 'g');

/** Code units of JSON's structure. */
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export const TOO_MANY_VALUES = 'too many values';

/** How much of it a text may hold. What a server answers has no bound, what it is sent has. */
export interface JsonBounds {
  readonly partsMax?: number;
  /** Of all maps together. */
  readonly entriesMax?: number;
}

/**
 * Throws RangeError for a text that would keep the parser busy for seconds: nested deeper than
 * LIMITS.jsonDepthMax, or with more values or entries than these. Says nothing about malformed
 * text, and takes every short one.
 */
export const refuseTangled = (text: string, bounds: JsonBounds = {}): void => {
  if (text.length <= LIMITS.jsonFreeLength) return;
  const { partsMax = Number.POSITIVE_INFINITY, entriesMax = Number.POSITIVE_INFINITY } = bounds;
  let depth = 0;
  let parts = 0;
  let entries = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = afterString(text, at) - 1;
    } else if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      depth += 1;
      parts += 1;
    } else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) {
      depth -= 1;
    } else if (unit === COMMA) {
      parts += 1;
    } else if (unit === COLON) {
      entries += 1;
    }
    if (depth > LIMITS.jsonDepthMax) throw new RangeError('exceeded max depth');
    if (parts > partsMax || entries > entriesMax) throw new RangeError(TOO_MANY_VALUES);
  }
};

const exactNumber = (text: string): number | bigint | OddNumber => {
  const value = Number(text);
  if (/[.eE]/.test(text)) return Number.isInteger(value) ? new OddNumber(value) : value;
  return Number.isSafeInteger(value) ? value : BigInt(text);
};

/** Whether JSON.parse gives another value than `exactNumber`. */
const needsExact = (text: string): boolean => {
  const value = Number(text);
  return INTEGER.test(text) ? !Number.isSafeInteger(value) : Number.isInteger(value);
};

/** Index after the string that starts at `from`; the end of the text where it has no end. */
const afterString = (text: string, from: number): number => {
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let before = quote - 1;
    while (text[before] === '\\') before -= 1;
    at = quote + 1;
    if ((quote - before) % 2 === 1) return at;
  }
};

/** How many `#` the string that starts at `from` begins with, escaped ones included. */
const hashesAt = (text: string, from: number): number => {
  let count = 0;
  for (let at = from + 1; ; count++) {
    if (text[at] === '#') at += 1;
    else if (text.startsWith('\\u0023', at)) at += 6;
    else return count;
  }
};

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Valid JSON with the numbers that JSON.parse might not keep made strings, and what marks those.
 */
const markNumbers = (text: string): { readonly marked: string; readonly marker: string } => {
  const odd: Span[] = [];
  let hashes = 0;
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) {
    const from = found.index;
    if (found[0] === '"') {
      hashes = Math.max(hashes, hashesAt(text, from));
      TOKEN.lastIndex = afterString(text, from);
    } else if (needsExact(found[0])) {
      odd.push({ from, to: TOKEN.lastIndex });
    }
  }
  const marker = '#'.repeat(hashes + 1);
  const parts: string[] = [];
  let copied = 0;
  for (const { from, to } of odd) {
    parts.push(text.slice(copied, from), '"', marker, text.slice(from, to), '"');
    copied = to;
  }
  return { marked: parts.join('') + text.slice(copied), marker };
};

/** The value with its marked numbers read, in place: a reviver would cost ten times as much. */
const unmarked = (value: unknown, marker: string): unknown => {
  const root = [value];
  const todo: object[] = [root];
  const look = (holder: Record<string | number, unknown>, key: string | number): void => {
    const part = holder[key];
    if (typeof part === 'string') {
      if (part.startsWith(marker)) holder[key] = exactNumber(part.slice(marker.length));
    } else if (typeof part === 'object' && part !== null) {
      todo.push(part);
    }
  };
  for (let holder = todo.pop(); holder; holder = todo.pop()) {
    if (Array.isArray(holder)) for (const at of holder.keys()) look(holder as never, at);
    else for (const key of Object.keys(holder)) look(holder as never, key);
  }
  return root[0];
};

/**
 * Parses JSON text. Integers outside ±2^53 become bigint; `1.0` and `1e3` become OddNumber; all
 * else is JSON.parse. Throws SyntaxError on malformed text and RangeError on absurd nesting, or
 * beyond `bounds`.
 */
export const parseJson = (text: string, bounds?: JsonBounds): unknown => {
  refuseTangled(text, bounds);
  const plain = JSON.parse(text);
  if (!SUSPECT.test(text)) return plain;
  const { marked, marker } = markNumbers(text);
  return unmarked(JSON.parse(marked), marker);
};

/** As parseJson, for what anybody may send: beyond LIMITS.jsonEntriesMax it is a RangeError. */
export const parseMessage = (text: string): unknown =>
  parseJson(text, { entriesMax: LIMITS.jsonEntriesMax });

const nulsOf = (text: string): number => {
  let count = 0;
  while (text.charCodeAt(count) === 0) count += 1;
  return count;
};

/** JSON of a value that holds bigint: printed behind a marker that no string or key begins with. */
const stringifyBig = (value: unknown, indent: number | undefined): string => {
  let nuls = 0;
  JSON.stringify(value, (key, part) => {
    nuls = Math.max(nuls, nulsOf(key), typeof part === 'string' ? nulsOf(part) : 0);
    return typeof part === 'bigint' ? 0 : part;
  });
  const marker = '\u0000'.repeat(nuls + 1);
  const text = JSON.stringify(
    value,
    (_key, part) => (typeof part === 'bigint' ? `${marker}${part}` : part),
    indent,
  );
  const escaped = '\\u0000'.repeat(nuls + 1);
  const parts: string[] = [];
  let copied = 0;
  for (let at = text.indexOf('"'); at >= 0; ) {
    const to = afterString(text, at);
    if (text.startsWith(escaped, at + 1)) {
      parts.push(text.slice(copied, at), text.slice(at + 1 + escaped.length, to - 1));
      copied = to;
    }
    at = text.indexOf('"', to);
  }
  return parts.join('') + text.slice(copied);
};

/** JSON text of `value`, with bigint printed as an integer; `indent` spaces for people. */
export const stringifyJson = (value: unknown, indent?: number): string => {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    // Expected: JSON.stringify refuses bigint, and nothing else that the node prints.
    if (!(error instanceof TypeError)) throw error;
    return stringifyBig(value, indent);
  }
};

/**
 * The same JSON with `<`, `>`, `&`, U+2028 and U+2029 escaped, as the original servers write it.
 */
export const escapeJson = (json: string): string =>
  ESCAPED.test(json)
    ? json.replace(ESCAPED_ALL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;

/** A value already rendered as JSON text; T names the shape it has, for the types only. */
export class JsonText<T> {
  readonly json: string;
  /** Never set: carries T. */
  declare readonly shape?: T;
  constructor(json: string) {
    this.json = json;
  }
}

/** A value or its rendered JSON. */
export type Rendered<T> = T | JsonText<T>;

/** JSON text of a value or of already rendered JSON. */
export const renderJson = (value: unknown): string =>
  value instanceof JsonText ? value.json : stringifyJson(value);
