// Canonical JSON (RFC 8785) for records: strings, booleans, safe integers, arrays, plain objects.
// One value has exactly one text, so that a signature covers the only encoding there is.

const DEPTH_MAX = 8;
const BROKEN = /\p{Cs}/u;

const textOfString = (text: string): string => {
  if (BROKEN.test(text)) throw new TypeError('value: a string holds a lone surrogate');
  return JSON.stringify(text);
};

const textOfObject = (value: object, depth: number): string => {
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  // RFC 8785 sorts names by UTF-16 units, which is what `<` compares.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${textOfString(k)}:${textAt(v, depth + 1)}`).join(',')}}`;
};

const textAt = (value: unknown, depth: number): string => {
  if (depth > DEPTH_MAX) throw new RangeError('value: nested too deeply');
  if (typeof value === 'string') return textOfString(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError('value: only safe integers are allowed');
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map((part) => textAt(part, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && value !== null) return textOfObject(value, depth);
  throw new TypeError(`value: ${value === null ? 'null' : typeof value} is not allowed`);
};

/**
 * The canonical text of a value. Object members that are undefined are left out. Throws TypeError
 * or RangeError for what records may not hold: null, fractions, unsafe integers, lone surrogates.
 */
export const canonicalText = (value: unknown): string => textAt(value, 0);

/** The value of a canonical text; undefined when the text is not JSON or not canonical. */
export const parseCanonical = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return canonicalText(value) === text ? value : undefined;
  } catch {
    // SyntaxError from JSON.parse, TypeError or RangeError from canonicalText: not canonical
    // either way.
    return undefined;
  }
};
