// One run of the command line: find the command, read its flags, run it, turn errors into exit
// codes. All I/O goes through `Edge`, so that tests can run commands in their own process.

import type { Clock } from '../node/clock.ts';
import { stringifyJson } from '../node/model/json.ts';
import { GLOBAL_FLAGS, parseCommand, splitPath } from './args.ts';
import type { Command, Context, Flag, Globals } from './command.ts';
import { boolOf, type Env, readEnv } from './env.ts';
import { adviceOf, EXIT, UsageError } from './errors.ts';
import { commandHelp, commandUsage, groupHelp, PROGRAM, rootHelp } from './help.ts';
import { openKeychain } from './keychain.ts';
import { logrusLog } from './logrus.ts';
import { closest } from './suggest.ts';
import { type Group, TREE } from './tree.ts';
import { buildTime, buildVersion } from './version.ts';
import { isRuntimeEnv } from './vocabulary.ts';

/** The process around a run. */
export interface Edge {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly clock: Clock;
  readonly stdout: (text: string) => void;
  /** Settles when the stream can take more. Never rejects. */
  readonly stdoutBytes: (piece: Uint8Array) => Promise<void>;
  readonly stderr: (text: string) => void;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** One line of stdin without its newline; undefined at its end. */
  readonly readLine: () => Promise<string | undefined>;
  readonly stopSignal: () => AbortSignal;
}

/** Errors about the tree have no command whose usage could be shown. */
class UnknownCommand extends Error {
  override readonly name = 'UnknownCommand';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const makeContext = (edge: Edge, env: Env, globals: Globals, tree: readonly Group[]): Context => {
  const verbose = globals.verbose ?? boolOf(env.COLONIES_VERBOSE) ?? false;
  const colours = env.NO_COLOR === undefined;
  return {
    env,
    childEnv: edge.env,
    globals: { ...globals, verbose },
    clock: edge.clock,
    keychain: openKeychain(edge.home),
    log: logrusLog(
      { write: edge.stderr, terminal: edge.stderrIsTerminal, colours, now: edge.clock.now },
      verbose,
    ),
    out: edge.stdout,
    outBytes: edge.stdoutBytes,
    err: edge.stderr,
    json: (value) => edge.stdout(`${stringifyJson(value, 2)}\n`),
    confirm: async (question) => {
      // With --json stdout is for JSON alone.
      (globals.json ? edge.stderr : edge.stdout)(question);
      return (await edge.readLine()) === 'YES';
    },
    terminal: edge.stdoutIsTerminal && colours,
    stopSignal: edge.stopSignal,
    allCommands: async () => (await Promise.all(tree.map((group) => group.load()))).flat(),
  };
};

const unknown = (word: string, path: readonly string[], known: readonly string[]): Error => {
  const under = [PROGRAM, ...path].join(' ');
  const near = closest(word, known);
  const meant = near.length === 0 ? '' : `\nDid you mean this?\n\t${near.join('\n\t')}\n\n`;
  return new UnknownCommand(
    `unknown command ${JSON.stringify(word)} for "${under}"`,
    `${meant}Run '${under} --help' for usage.`,
  );
};

type Found =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'command'; readonly command: Command; readonly args: readonly string[] };

const startsWith = (path: readonly string[], words: readonly string[]): boolean =>
  words.every((word, i) => path[i] === word);

/** Walks `words` down the tree as far as they name commands. */
const find = (
  group: Group,
  commands: readonly Command[],
  words: readonly string[],
  wantsHelp: boolean,
): { readonly command: Command } | { readonly text: string } => {
  let depth = 1;
  for (;;) {
    const path = words.slice(0, depth);
    const here = commands.filter((cmd) => startsWith(cmd.path, path));
    const leaf = here.find((cmd) => cmd.path.length === depth);
    const word = words[depth];
    const deeper = word !== undefined && here.some((cmd) => cmd.path[depth] === word);
    if (leaf && !deeper) return { command: leaf };
    if (!deeper) {
      if (word === undefined || wantsHelp) return { text: groupHelp(path, group.summary, here) };
      throw unknown(word, path, [...new Set(here.map((cmd) => cmd.path[depth] ?? ''))]);
    }
    depth += 1;
  }
};

const takesValue = (flag: string): boolean => flag === 'host' || flag === 'port';

const isGroupFlag = (arg: string): boolean => {
  const name = arg.replace(/^--?/, '').replace(/=.*$/s, '');
  const global = Object.entries<Flag>(GLOBAL_FLAGS).some(([long, { short }]) =>
    arg.startsWith('--') ? long === name : short === name,
  );
  return global || (arg.startsWith('--') && takesValue(name));
};

/** Where only a group is named, no command is there to know a flag. */
const checkGroupFlags = (argv: readonly string[], path: readonly string[]): void => {
  const strange = argv.find((arg) => arg.startsWith('-') && !isGroupFlag(arg));
  if (strange === undefined) return;
  const under = [PROGRAM, ...path].join(' ');
  const meant = strange === '--version' ? `The version: '${PROGRAM} version'. ` : '';
  throw new UnknownCommand(`unknown flag: ${strange}`, `${meant}Run '${under} --help' for usage.`);
};

const locate = async (argv: readonly string[], tree: readonly Group[]): Promise<Found> => {
  const split = splitPath(argv, takesValue);
  const asksHelp = split.words[0] === 'help';
  const words = asksHelp ? split.words.slice(1) : split.words;
  const wantsHelp = asksHelp || argv.includes('--help') || argv.includes('-h');
  const first = words[0];
  if (first === undefined) {
    checkGroupFlags(argv, []);
    return { kind: 'help', text: rootHelp(tree) };
  }
  const group = tree.find((candidate) => candidate.name === first);
  if (!group)
    throw unknown(
      first,
      [],
      tree.map((candidate) => candidate.name),
    );
  const found = find(group, await group.load(), words, wantsHelp);
  if ('text' in found) {
    if (!wantsHelp) checkGroupFlags(argv, words);
    return { kind: 'help', text: found.text };
  }
  if (asksHelp) return { kind: 'help', text: commandHelp(found.command) };
  const named = new Set(split.at.slice(0, found.command.path.length));
  return { kind: 'command', command: found.command, args: argv.filter((_, i) => !named.has(i)) };
};

const usageFailed = (edge: Edge, error: Error, usage: string): number => {
  edge.stderr(`Error: ${error.message}\n${usage}\n${error.message}\n`);
  return EXIT.usage;
};

const runFailed = (ctx: Context, error: unknown): number => {
  const text = error instanceof Error ? error.message : String(error);
  ctx.log.error(text, {
    BuildTime: buildTime(),
    BuildVersion: buildVersion(),
    ...(isRuntimeEnv(ctx.env) ? { err: text } : {}),
  });
  const advice = adviceOf(error);
  if (advice !== undefined) ctx.log.info(advice);
  if (error instanceof Error) ctx.log.debug('Where it happened', { stack: error.stack });
  return EXIT.failed;
};

/** Runs one command line (without the program's name) and returns its exit code. Never throws. */
export const runCli = async (
  argv: readonly string[],
  edge: Edge,
  tree: readonly Group[] = TREE,
): Promise<number> => {
  const env = readEnv(edge.env);
  const plain = { insecure: undefined, skipTlsVerify: undefined, verbose: undefined, json: false };
  let ctx = makeContext(edge, env, plain, tree);
  let usage = '';
  try {
    const found = await locate(argv, tree);
    if (found.kind === 'help') {
      edge.stdout(found.text);
      return EXIT.ok;
    }
    usage = commandUsage(found.command);
    const parsed = parseCommand(found.command, found.args);
    if (parsed.help) {
      edge.stdout(commandHelp(found.command));
      return EXIT.ok;
    }
    ctx = makeContext(edge, env, parsed.globals, tree);
    const code = await found.command.run(ctx, parsed.values as never, parsed.positionals);
    return code ?? EXIT.ok;
  } catch (error) {
    // The edge of the program: wrong usage ends with 1, everything else with a log line and 255.
    if (error instanceof UsageError) return usageFailed(edge, error, usage);
    if (error instanceof UnknownCommand) return usageFailed(edge, error, error.hint);
    return runFailed(ctx, error);
  }
};
