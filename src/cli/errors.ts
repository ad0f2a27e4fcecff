// What can go wrong on the command line and the exit code of each: 1 for wrong usage, 255 for the
// rest.

/** Exit codes, as documented. */
export const EXIT = { ok: 0, usage: 1, failed: 255 } as const;

/** The command line was wrong: the usage of the command is printed with the text. Exit code 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A failure with advice on what to do next, printed on a line of its own. Exit code 255. */
export class AdvisedError extends Error {
  override readonly name = 'AdvisedError';
  readonly advice: string;
  constructor(message: string, advice: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.advice = advice;
  }
}

/** Nothing says who calls, or there is no key for it. As an AdvisedError: exit code 255. */
export class MissingKey extends AdvisedError {}

/** A refusal of the server: its own text, its status. Exit code 255. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const BY_STATUS: Readonly<Record<number, string>> = {
  403:
    'Another key may do this: look at the flags and variables that name who calls (docs/CLI.md, Keys); ' +
    '`colonies security id --prvkey KEY` tells the id of a key.',
  408: 'Try again later.',
  429: 'Try again later.',
  503: 'Try again later.',
};

const DEAD_KEY =
  'It was declared dead, for everything and for ever: go on with the key that takes its place ' +
  '(docs/guides/nodes.md, Rotate and revoke keys).';

/** What to do about a failure, when there is more to say than its text. */
export const adviceOf = (error: unknown): string | undefined => {
  if (error instanceof AdvisedError) return error.advice;
  if (!(error instanceof ServerError)) return undefined;
  const [, what] = /^(\w+) is nil$/.exec(error.message) ?? [];
  if (what !== undefined) return `The server knows no such ${what}: look at the id.`;
  if (error.status === 403 && /\brevoked$/.test(error.message)) return DEAD_KEY;
  return BY_STATUS[error.status];
};

/** Makes a UsageError. */
export const usageProblem = (message: string): UsageError => new UsageError(message);

/** Makes an AdvisedError. */
export const advised = (message: string, advice: string, cause?: unknown): AdvisedError =>
  new AdvisedError(message, advice, cause);
