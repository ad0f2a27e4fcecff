// How commands say what they did: a log line, and with --json the same facts as one JSON document;
// lists and records as tables of the vocabulary in use.

import type { Context } from './command.ts';
import { boolOf } from './env.ts';
import {
  type AsciiOptions,
  asciiTable,
  type RoundedOptions,
  type Row,
  roundedTable,
} from './table.ts';

/** Something was done: an info line with `fields`; with --json also `value`, or the fields. */
export const done = (
  ctx: Context,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  value?: unknown,
): void => {
  ctx.log.info(message, fields);
  if (ctx.globals.json) ctx.json(value ?? fields);
};

/** A question was not answered with YES: nothing was done. */
export const aborted = (ctx: Context): void => {
  ctx.log.info('Aborting ...');
  if (ctx.globals.json) ctx.json({ aborted: true });
};

/** Where the output of running processes goes: with --json stdout is for JSON alone. */
export const echoOf = (ctx: Context): Context['outBytes'] =>
  ctx.globals.json ? async () => undefined : ctx.outBytes;

/** A table of 2022 on stdout. */
export const showAscii = (ctx: Context, rows: readonly Row[], options: AsciiOptions = {}): void =>
  ctx.out(asciiTable(rows, options));

/** A table of 1.9 on stdout. */
export const showRounded = (
  ctx: Context,
  rows: readonly Row[],
  options: Pick<RoundedOptions, 'title' | 'header'> = {},
): void =>
  ctx.out(
    roundedTable(rows, {
      ...options,
      ascii: boolOf(ctx.env.COLONIES_CLI_ASCII) ?? false,
      bold: ctx.terminal,
    }),
  );

/** `True` or `False`, as the tables of both vocabularies write it. */
export const yesNo = (value: boolean): string => (value ? 'True' : 'False');

/** The list of a reply: absent and null are empty, as the originals send it. */
export const listOf = <T>(reply: readonly T[] | null | undefined): readonly T[] => reply ?? [];
