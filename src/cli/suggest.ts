// Which known words a mistyped word may have meant.

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
};

const EDITS_MAX = 2;

/** Known words within two edits of `word`, or that begin with it. */
export const closest = (word: string, known: readonly string[]): readonly string[] =>
  known.filter(
    (name) =>
      (word.length > 0 && name.startsWith(word)) ||
      (word.length <= 64 && distance(word, name) <= Math.min(EDITS_MAX, name.length - 1)),
  );
