// Figures and how they are printed.

/** @param {readonly number[]} list @param {number} part 0.5 is the median. */
export const percentile = (list, part) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
};

/** The middle one, or the mean of the two in the middle. @param {readonly number[]} list */
export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const at = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[at] : (sorted[at - 1] + sorted[at]) / 2;
};

/** Three digits that count, no more. @param {number} value */
export const short = (value) => {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
};

/** A table of texts, the first column to the left. @param {readonly (readonly string[])[]} rows */
export const table = (rows) => {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (text, column) =>
    column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column]);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
};

/**
 * Shares of a core in percent: over all, and the highest over `windowS` from any sample on.
 * @param {readonly { atMs: number, cpuUs: number }[]} samples In order, at least two.
 * @param {number} windowS
 */
export const sharesOf = (samples, windowS) => {
  const share = (from, to) => (to.cpuUs - from.cpuUs) / (to.atMs - from.atMs) / 10;
  const windows = samples.flatMap((from) => {
    // Timers come a little early or late; what is missing of the last step is no less of a window.
    const to = samples.find(({ atMs }) => atMs - from.atMs >= windowS * 1_000 - 500);
    return to === undefined ? [] : [share(from, to)];
  });
  const mean = share(samples[0], samples[samples.length - 1]);
  return { mean, worst: Math.max(mean, ...windows) };
};
