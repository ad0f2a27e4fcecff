// The two kinds of tables: plain ASCII ones of 2022 and rounded ones of 1.9. Text out, no I/O.

import { columns, wrap } from './wrap.ts';

export type Cell = string | number | bigint | boolean;
export type Row = readonly Cell[];

const REFLOW_COLUMNS = 30;
const NUMBER = /^-*\d*\.?\d*$/;

const textOf = (cell: Cell | undefined): string => (cell === undefined ? '' : String(cell));

const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - columns(text)));

const padStart = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - columns(text))) + text;

const centred = (text: string, width: number): string => {
  const free = Math.max(0, width - columns(text));
  const left = Math.floor(free / 2);
  return ' '.repeat(left) + text + ' '.repeat(free - left);
};

/** Control characters would break the frame, or command the terminal: shown as spaces. */
const tame = (text: string): string => text.replace(/(?!\n)\p{Cc}/gu, ' ');

const widthsOf = (rows: readonly (readonly (readonly string[])[])[], count: number): number[] =>
  Array.from({ length: count }, (_, i) =>
    Math.max(0, ...rows.flatMap((row) => (row[i] ?? ['']).map(columns))),
  );

const heightOf = (row: readonly (readonly string[])[]): number =>
  Math.max(1, ...row.map((cell) => cell.length));

export interface AsciiOptions {
  /** Header cells: written in upper case, `_` and `.` as spaces. */
  readonly header?: readonly string[];
  /** Right-align cells that are pure numbers. */
  readonly alignNumbers?: boolean;
}

/** A table of 2022: borders of `+ - |`, cells reflowed at 30 columns. Ends in a newline. */
export const asciiTable = (rows: readonly Row[], options: AsciiOptions = {}): string => {
  const { header } = options;
  const linesOf = (cell: Cell | undefined): readonly string[] =>
    wrap(tame(textOf(cell)), REFLOW_COLUMNS);
  const titles = (header ?? []).map((name) => name.toUpperCase().replace(/[_.]/g, ' '));
  const count = Math.max(titles.length, ...rows.map((row) => row.length));
  const cells = rows.map((row) => Array.from({ length: count }, (_, i) => linesOf(row[i])));
  const widths = widthsOf([...cells, titles.map((title) => [title])], count);
  const border = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (parts: readonly string[]): string => `| ${parts.join(' | ')} |`;
  const shown = cells.flatMap((row, at) =>
    Array.from({ length: heightOf(row) }, (_, i) =>
      line(
        row.map((cell, column) => {
          const right = options.alignNumbers && NUMBER.test(textOf(rows[at]?.[column]));
          return (right ? padStart : padEnd)(cell[i] ?? '', widths[column] as number);
        }),
      ),
    ),
  );
  const head = header
    ? [line(widths.map((width, i) => centred(titles[i] ?? '', width))), border]
    : [];
  return `${[border, ...head, ...shown, border].join('\n')}\n`;
};

export interface RoundedOptions {
  /** A line of its own above the columns. */
  readonly title?: string;
  readonly header?: readonly string[];
  /** `+ - |` instead of box drawing characters. */
  readonly ascii?: boolean;
  /** Bold title and header, for terminals. */
  readonly bold?: boolean;
}

const BOX = { h: '─', v: '│', top: '╭┬╮', mid: '├┼┤', under: '├┬┤', flat: '╭─╮', end: '╰┴╯' };
const PLAIN = { h: '-', v: '|', top: '+++', mid: '+++', under: '+++', flat: '+-+', end: '+++' };

/** A table of 1.9: rounded frame, lines of a cell kept, nothing wrapped. Ends in a newline. */
export const roundedTable = (rows: readonly Row[], options: RoundedOptions = {}): string => {
  const box = options.ascii ? PLAIN : BOX;
  const header = (options.header ?? []).map((name) => name.toUpperCase());
  const count = Math.max(1, header.length, ...rows.map((row) => row.length));
  const cells = rows.map((row) =>
    Array.from({ length: count }, (_, i) => tame(textOf(row[i])).split('\n')),
  );
  const widths = widthsOf([...cells, header.map((title) => [title])], count);
  const title = options.title === undefined ? undefined : tame(options.title);
  const inner = widths.reduce((sum, width) => sum + width + 3, -3);
  if (title !== undefined && columns(title) > inner) {
    widths[count - 1] = (widths[count - 1] as number) + columns(title) - inner;
  }
  const bold = (text: string): string => (options.bold ? `\u001b[1m${text}\u001b[0m` : text);
  const border = (ends: string): string =>
    `${ends[0]}${widths.map((width) => box.h.repeat(width + 2)).join(ends[1])}${ends[2]}`;
  const line = (parts: readonly string[]): string =>
    `${box.v} ${parts.join(` ${box.v} `)} ${box.v}`;
  const shown = cells.flatMap((row) =>
    Array.from({ length: heightOf(row) }, (_, i) =>
      line(row.map((cell, column) => padEnd(cell[i] ?? '', widths[column] as number))),
    ),
  );
  const heading =
    header.length === 0 ? [] : [line(widths.map((w, i) => bold(padEnd(header[i] ?? '', w))))];
  const full = Math.max(inner, columns(title ?? ''));
  const titled = title === undefined ? [] : [border(box.flat), line([bold(padEnd(title, full))])];
  const blocks = [heading, shown].filter((block) => block.length > 0);
  const body = blocks.flatMap((block, i) => [
    border(i > 0 ? box.mid : title === undefined ? box.top : box.under),
    ...block,
  ]);
  const empty = blocks.length === 0 ? [border(title === undefined ? box.top : box.under)] : [];
  return `${[...titled, ...body, ...empty, border(box.end)].join('\n')}\n`;
};
