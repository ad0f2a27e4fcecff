// How a command of the command line is declared: one object with its path, flags, examples and run.
// Help, completion, parsing and docs read that object. No I/O here; nothing heavy is imported.

import type { Clock } from '../node/clock.ts';
import type { Log } from '../node/log.ts';
import type { Env } from './env.ts';
import type { Keychain } from './keychain.ts';

export type FlagKind = 'string' | 'int' | 'bool' | 'list';

/** One flag. Names are written without dashes; `short` is one letter. */
export interface Flag {
  readonly kind: FlagKind;
  readonly help: string;
  readonly short?: string;
  /** Used, and shown in the help, when the flag is not given. */
  readonly default?: string | number;
  readonly required?: true;
}

export type Flags = Readonly<Record<string, Flag>>;

type Raw<F extends Flag> = F['kind'] extends 'int'
  ? number
  : F['kind'] extends 'bool'
    ? boolean
    : F['kind'] extends 'list'
      ? readonly string[]
      : string;

type Sure = { readonly required: true } | { readonly default: string | number } | { kind: 'list' };

/**
 * What `run` gets: required flags, flags with a default and lists always; others when they were
 * given.
 */
export type FlagValues<F extends Flags> = {
  readonly [N in keyof F]: F[N] extends Sure ? Raw<F[N]> : Raw<F[N]> | undefined;
};

/** Every command accepts these; `undefined` means not given. */
export interface Globals {
  readonly insecure: boolean | undefined;
  readonly skipTlsVerify: boolean | undefined;
  readonly verbose: boolean | undefined;
  readonly json: boolean;
}

/**
 * What a command runs with. The process edge (streams, signals, environment) is reached only
 * through it.
 */
export interface Context {
  /** The known environment variables; empty ones are absent. */
  readonly env: Env;
  /**
   * The whole environment as it was: for children of the worker, and for the settings of a server.
   */
  readonly childEnv: Readonly<Record<string, string | undefined>>;
  readonly globals: Globals;
  /** Log lines on stderr in the documented form. */
  readonly log: Log;
  readonly clock: Clock;
  readonly keychain: Keychain;
  /** Writes text to stdout as it is. */
  readonly out: (text: string) => void;
  /** Writes bytes to stdout as they are; settles when it can take more. Never rejects. */
  readonly outBytes: (piece: Uint8Array) => Promise<void>;
  /** Writes text to stderr as it is: for log lines of another form. */
  readonly err: (text: string) => void;
  /** Writes one JSON document, indented, to stdout; bigint is printed exactly. */
  readonly json: (value: unknown) => void;
  /** Asks on stdout and reads a line from stdin: true only for the exact line `YES`. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Whether stdout is a terminal: colours, widths. */
  readonly terminal: boolean;
  /**
   * Aborted at SIGINT, SIGTERM or SIGHUP. Until it is first called the default holds (the process
   * ends at once); after that the command must stop by itself, and a second signal ends the
   * process.
   */
  readonly stopSignal: () => AbortSignal;
  /** Every command there is, for completion. */
  readonly allCommands: () => Promise<readonly Command[]>;
}

export interface Command<F extends Flags = Flags> {
  /** `['process', 'get']` for `colonies process get`. */
  readonly path: readonly string[];
  /** One line for lists of commands: no full stop. */
  readonly summary: string;
  /** More for the command's own help: paragraphs, without a trailing newline. */
  readonly details?: string;
  /** Runnable lines, without a prompt. */
  readonly examples: readonly string[];
  readonly flags: F;
  /** Names of positional arguments, all required; a name that ends in `?` is optional. */
  readonly positionals?: readonly string[];
  /** Returns the exit code; nothing means 0. Errors thrown become a log line and exit code 255. */
  readonly run: (
    ctx: Context,
    flags: FlagValues<F>,
    args: readonly string[],
  ) => Promise<number | undefined> | number | undefined;
}

/** Declares a command; only here for the types of its flags. */
export const command = <const F extends Flags>(declared: Command<F>): Command =>
  declared as unknown as Command;

/** The flags of every command that calls a server. See `serverAddress` in address.ts. */
export const SERVER_FLAGS = {
  host: { kind: 'string', help: 'Server host (default "localhost")' },
  port: { kind: 'int', help: 'Server port (default 50080)' },
} as const satisfies Flags;
