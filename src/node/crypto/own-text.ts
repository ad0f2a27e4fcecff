// Texts that stand on their own. A piece cut from a larger text is kept as a reference into it, which
// keeps all of the larger one in memory for as long as the piece lives.

const SCRATCH_BYTES = 16 * 1024;
/** Shorter pieces are copied as they are cut. */
const CUT_LENGTH_MIN = 13;

const scratch = Buffer.alloc(SCRATCH_BYTES);

const copyLatin1 = (text: string): string =>
  text.length <= SCRATCH_BYTES
    ? scratch.toString('latin1', 0, scratch.write(text, 'latin1'))
    : Buffer.from(text, 'latin1').toString('latin1');

/** The same text in memory of its own. Half surrogate pairs become U+FFFD. */
export const ownText = (text: string): string => {
  if (text.length < CUT_LENGTH_MIN) return text;
  const copy = copyLatin1(text);
  return copy === text ? copy : Buffer.from(text).toString();
};
