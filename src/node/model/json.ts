// JSON with exact 64-bit integers in both directions. Reading tells an integer written as `1` from
// one
// written as `1.0`, as the original servers do; writing prints bigint as a bare number.

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

const NEEDS_EXACT = /(?:^|[:[,])\s*-?(?:\d{16}|\d+[.eE])/;
const TOKEN = /"(?:[^"\\]|\\[\s\S])*"|-?\d[\d.eE+-]*/g;
const STRICT_NUMBER = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const ESCAPED = /[<>&\u2028\u2029]/;
const ESCAPED_ALL = new RegExp(ESCAPED, 'g');

const exactNumber = (text: string): number | bigint | OddNumber => {
  const value = Number(text);
  if (/[.eE]/.test(text)) return Number.isInteger(value) ? new OddNumber(value) : value;
  return Number.isSafeInteger(value) ? value : BigInt(text);
};

const markerFor = (text: string): string => {
  let marker = '#';
  while (text.includes(`"${marker}`)) marker += '#';
  return marker;
};

/**
 * Parses JSON text. Integers outside ±2^53 become bigint; `1.0` and `1e3` become OddNumber; all
 * else is
 * JSON.parse. Throws SyntaxError on malformed text and RangeError on absurd nesting.
 */
export const parseJson = (text: string): unknown => {
  if (!NEEDS_EXACT.test(text)) return JSON.parse(text);
  const marker = markerFor(text);
  const marked = text.replace(TOKEN, (token) =>
    token[0] !== '"' && STRICT_NUMBER.test(token) && (token.length > 15 || /[.eE]/.test(token))
      ? `"${marker}${token}"`
      : token,
  );
  return JSON.parse(marked, (_key, value) =>
    typeof value === 'string' && value.startsWith(marker)
      ? exactNumber(value.slice(marker.length))
      : value,
  );
};

/** JSON text of `value`, with bigint printed as an integer. */
export const stringifyJson = (value: unknown): string => {
  let sawBig = false;
  const text = JSON.stringify(value, (_key, part) => {
    if (typeof part !== 'bigint') return part;
    sawBig = true;
    return `\u0000bigint:${part}`;
  });
  return sawBig ? text.replace(/"\\u0000bigint:(-?\d+)"/g, '$1') : text;
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
