// Help and usage texts, written from the declarations of the commands.

import { GLOBAL_FLAGS } from './args.ts';
import type { Command, Flag, Flags } from './command.ts';
import type { Group } from './tree.ts';

export const PROGRAM = 'colonies';

const TYPE: Readonly<Record<Flag['kind'], string>> = {
  string: ' string',
  int: ' int',
  list: ' strings',
  bool: '',
};

const remark = (flag: Flag): string => {
  if (flag.required) return ' (required)';
  return flag.default === undefined || flag.default === ''
    ? ''
    : ` (default ${JSON.stringify(flag.default)})`;
};

const flagRows = (flags: Flags): string[] => {
  const rows = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
      return {
        head: `  ${short}--${name}${TYPE[flag.kind]}`,
        text: `${flag.help}${remark(flag)}`,
      };
    });
  const width = Math.max(...rows.map((row) => row.head.length));
  return rows.map((row) => `${row.head.padEnd(width)}   ${row.text}`);
};

const listed = (rows: readonly { readonly name: string; readonly summary: string }[]): string[] => {
  const width = Math.max(11, ...rows.map((row) => row.name.length));
  return rows.map((row) => `  ${row.name.padEnd(width)} ${row.summary}`);
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines];

const usageLine = (cmd: Command): string => {
  const args = (cmd.positionals ?? []).map((name) =>
    name.endsWith('?') ? `[${name.slice(0, -1).toUpperCase()}]` : name.toUpperCase(),
  );
  return `  ${[PROGRAM, ...cmd.path, ...args, '[flags]'].join(' ')}`;
};

/** The part of a command's help that is also printed after wrong usage. Ends in a newline. */
export const commandUsage = (cmd: Command): string => {
  const lines = [
    'Usage:',
    usageLine(cmd),
    ...section(
      'Examples',
      cmd.examples.map((line) => `  ${line}`),
    ),
    ...section('Flags', Object.keys(cmd.flags).length === 0 ? [] : flagRows(cmd.flags)),
    ...section('Global Flags', flagRows(GLOBAL_FLAGS)),
  ];
  return `${lines.join('\n')}\n`;
};

/** `colonies process get --help`. */
export const commandHelp = (cmd: Command): string =>
  `${cmd.summary}\n${cmd.details === undefined ? '' : `\n${cmd.details}\n`}\n${commandUsage(cmd)}`;

/** `colonies process` and `colonies process --help`: the commands one level below `path`. */
export const groupHelp = (
  path: readonly string[],
  summary: string,
  commands: readonly Command[],
): string => {
  const rows = new Map<string, string>();
  for (const cmd of commands) {
    const name = cmd.path[path.length] as string;
    const leaf = cmd.path.length === path.length + 1;
    if (leaf || !rows.has(name)) rows.set(name, leaf ? cmd.summary : `Manage ${name}`);
  }
  const shown = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    summary,
    '',
    'Usage:',
    `  ${[PROGRAM, ...path].join(' ')} [command]`,
    ...section(
      'Available Commands',
      listed(shown.map(([name, text]) => ({ name, summary: text }))),
    ),
    ...section('Global Flags', flagRows(GLOBAL_FLAGS)),
    '',
    `Use "${[PROGRAM, ...path].join(' ')} [command] --help" for more information about a command.`,
  ];
  return `${lines.join('\n')}\n`;
};

/** `colonies` and `colonies --help`. */
export const rootHelp = (tree: readonly Group[]): string => {
  const lines = [
    'Colonies: submit work, run it anywhere, under identities you own',
    '',
    'Usage:',
    `  ${PROGRAM} [command]`,
    '',
    'Start here:',
    `  ${PROGRAM} demo                        see it all work, once`,
    `  ${PROGRAM} dev                         start a development server`,
    `  ${PROGRAM} worker start --help         run processes on this machine`,
    ...section('Available Commands', listed(tree)),
    ...section('Global Flags', flagRows(GLOBAL_FLAGS)),
    '',
    `Use "${PROGRAM} [command] --help" for more information about a command.`,
  ];
  return `${lines.join('\n')}\n`;
};
