// From words on the command line to a command path and typed flag values, with the error texts of
// the originals. Knows flags only as data; throws UsageError and does no I/O.

import { parseArgs } from 'node:util';
import type { Command, Flag, Flags, Globals } from './command.ts';
import { usageProblem } from './errors.ts';

/** The flags that every command accepts. */
export const GLOBAL_FLAGS = {
  insecure: { kind: 'bool', help: 'Disable TLS and use HTTP' },
  'skip-tls-verify': { kind: 'bool', help: 'Skip TLS certificate verification' },
  verbose: { kind: 'bool', short: 'v', help: 'Verbose (debugging)' },
  json: { kind: 'bool', help: 'Output raw JSON instead of tables' },
  help: { kind: 'bool', short: 'h', help: 'Help for the command' },
} as const satisfies Flags;

type Value = string | number | boolean | readonly string[];

export interface ParsedArgs {
  readonly values: Readonly<Record<string, Value | undefined>>;
  readonly positionals: readonly string[];
  readonly globals: Globals;
  readonly help: boolean;
}

/** The words that may name a command and the rest; `--host X process ps` names `process ps`. */
export const splitPath = (
  argv: readonly string[],
  takesValue: (flag: string) => boolean,
): { readonly words: readonly string[]; readonly at: readonly number[] } => {
  const words: string[] = [];
  const at: number[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const arg = argv[i] as string;
    if (arg === '--') break;
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg);
      at.push(i);
    } else if (!arg.includes('=') && takesValue(arg.replace(/^--?/, ''))) {
      i += 1;
    }
  }
  return { words, at };
};

const nameOf = (name: string, flag: Flag): string =>
  flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;

const badValue = (name: string, flag: Flag, text: string, parser: string, why: string): Error =>
  usageProblem(
    `invalid argument ${JSON.stringify(text)} for "${nameOf(name, flag)}" flag: ` +
      `strconv.${parser}: parsing ${JSON.stringify(text)}: ${why}`,
  );

const TRUE = /^(1|t|true)$/i;
const FALSE = /^(0|f|false)$/i;

const convert = (name: string, flag: Flag, text: string): Value => {
  if (flag.kind === 'bool') {
    if (TRUE.test(text)) return true;
    if (FALSE.test(text)) return false;
    throw badValue(name, flag, text, 'ParseBool', 'invalid syntax');
  }
  if (flag.kind !== 'int') return text;
  if (!/^[+-]?\d+$/.test(text)) throw badValue(name, flag, text, 'ParseInt', 'invalid syntax');
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw badValue(name, flag, text, 'ParseInt', 'value out of range');
  }
  return value;
};

const missing = (flags: Flags, given: Readonly<Record<string, unknown>>): void => {
  const names = Object.keys(flags)
    .filter((name) => flags[name]?.required && given[name] === undefined)
    .sort()
    .map((name) => `"${name}"`);
  if (names.length > 0) throw usageProblem(`required flag(s) ${names.join(', ')} not set`);
};

type Token = ReturnType<typeof tokensOf>[number];

const tokensOf = (argv: readonly string[], flags: Flags) =>
  parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(flags).map(([name, flag]) => [
        name,
        {
          type: flag.kind === 'bool' ? ('boolean' as const) : ('string' as const),
          ...(flag.short === undefined ? {} : { short: flag.short }),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;

const unknownFlag = (token: Token & { kind: 'option' }): Error =>
  usageProblem(
    token.rawName.startsWith('--')
      ? `unknown flag: ${token.rawName}`
      : `unknown shorthand flag: '${token.name}' in ${token.rawName}`,
  );

const optionText = (token: Token & { kind: 'option' }, flag: Flag): string => {
  if (token.value !== undefined) {
    // `-p=ID` is read as the value `=ID`.
    return token.rawName.startsWith('--') ? token.value : token.value.replace(/^=/, '');
  }
  if (flag.kind === 'bool') return 'true';
  const name = token.rawName.startsWith('--')
    ? token.rawName
    : `'${flag.short}' in ${token.rawName}`;
  throw usageProblem(`flag needs an argument: ${name}`);
};

const collect = (argv: readonly string[], flags: Flags) => {
  const given: Record<string, Value> = {};
  const positionals: string[] = [];
  for (const token of tokensOf(argv, flags)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (!flag) throw unknownFlag(token);
    const value = convert(token.name, flag, optionText(token, flag));
    given[token.name] =
      flag.kind === 'list' ? [...((given[token.name] as string[]) ?? []), value as string] : value;
  }
  return { given, positionals };
};

const checkPositionals = (names: readonly string[], given: readonly string[]): void => {
  const extra = given[names.length];
  if (extra !== undefined) throw usageProblem(`unexpected argument ${JSON.stringify(extra)}`);
  const absent = names.slice(given.length).filter((name) => !name.endsWith('?'));
  if (absent.length > 0) throw usageProblem(`missing argument: ${absent.join(', ')}`);
};

const withDefaults = (flags: Flags, given: Readonly<Record<string, Value>>) =>
  Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      given[name] ?? flag.default ?? (flag.kind === 'list' ? [] : undefined),
    ]),
  );

/** Reads the words after a command's path. With `--help` nothing else is checked. */
export const parseCommand = (cmd: Command, argv: readonly string[]): ParsedArgs => {
  const flags: Flags = { ...GLOBAL_FLAGS, ...cmd.flags };
  const { given, positionals } = collect(argv, flags);
  const help = given['help'] === true;
  if (!help) {
    missing(flags, given);
    checkPositionals(cmd.positionals ?? [], positionals);
  }
  return {
    values: withDefaults(cmd.flags, given),
    positionals,
    help,
    globals: {
      insecure: given['insecure'] as boolean | undefined,
      skipTlsVerify: given['skip-tls-verify'] as boolean | undefined,
      verbose: given['verbose'] as boolean | undefined,
      json: given['json'] === true,
    },
  };
};
