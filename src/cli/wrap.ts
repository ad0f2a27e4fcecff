// Breaking a long text into lines for a table cell. Widths are counted in code points. Pure.

/** Columns of a text: its code points. */
export const columns = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** The first `max` columns and `...`; texts that fit stay as they are. Never cuts a character. */
export const cut = (text: string, max: number): string => {
  const points = [...text];
  return points.length <= max ? text : `${points.slice(0, max).join('')}...`;
};

/**
 * Lines of `text`, broken at single spaces so that no line is longer than `limit` (or than the
 * longest word, which is never cut) and the sum of squared slack is smallest; the last line is
 * free.
 */
export const wrap = (text: string, limit: number): readonly string[] => {
  const flat = text.replace(/\n/g, ' ');
  if (columns(flat) <= limit) return [flat];
  const words = flat.split(' ');
  const widths = words.map(columns);
  const max = Math.max(limit, ...widths);
  const count = words.length;
  const cost = new Array<number>(count + 1).fill(Number.POSITIVE_INFINITY);
  const next = new Array<number>(count).fill(count);
  cost[count] = 0;
  for (let from = count - 1; from >= 0; from -= 1) {
    let width = -1;
    for (let to = from + 1; to <= count; to += 1) {
      width += 1 + (widths[to - 1] as number);
      if (width > max) break;
      const total = (to === count ? 0 : (max - width) ** 2) + (cost[to] as number);
      // A rest that fits on the last line is free, so it wins ties.
      if (total < (cost[from] as number) || (to === count && total === cost[from])) {
        cost[from] = total;
        next[from] = to;
      }
    }
  }
  const lines: string[] = [];
  for (let from = 0; from < count; from = next[from] as number) {
    lines.push(words.slice(from, next[from]).join(' '));
  }
  return lines;
};
