// Following a submitted process to its end: `--wait`, `--out` and `--follow`.
// Polls; the connection of one command is too short-lived for a subscription to pay.

import type { Clock } from '../node/clock.ts';
import type { Context, Flags } from './command.ts';
import { EXIT } from './errors.ts';
import { followLogs } from './log-follow.ts';
import {
  type AnyProcess,
  isFinalState,
  outputTexts,
  stateText,
  valueText,
} from './process-view.ts';
import type { SignedCall } from './session.ts';
import { callDeadline } from './transport.ts';

export const WAIT_FLAGS = {
  wait: { kind: 'bool', help: 'Wait for the end and print the output' },
  out: { kind: 'bool', help: 'As --wait' },
  follow: { kind: 'bool', help: 'As --wait, and print the logs as they come' },
} as const satisfies Flags;

export interface WaitFlags {
  readonly wait: boolean | undefined;
  readonly out: boolean | undefined;
  readonly follow: boolean | undefined;
}

export const waitsForEnd = (flags: WaitFlags): boolean =>
  [flags.wait, flags.out, flags.follow].includes(true);

const FIRST_POLL_MS = 50;
/** The pace of the originals. */
const POLL_MS = 500;

/** Resolves after `ms`, or rejects when `signal` is aborted. */
export const sleep = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stopped = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stopped);
      resolve();
    });
    if (signal.aborted) stopped();
    else signal.addEventListener('abort', stopped, { once: true });
  });

const untilEnd = async (
  ctx: Context,
  call: SignedCall,
  fields: Readonly<Record<string, unknown>>,
  onPoll: () => Promise<void>,
): Promise<AnyProcess> => {
  const signal = ctx.stopSignal();
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(POLL_MS, pause * 2)) {
    const process = await call<AnyProcess>('getprocessmsg', fields, callDeadline(signal));
    await onPoll();
    if (isFinalState(process.state)) return process;
    await sleep(ctx.clock, pause, signal);
  }
};

const withNewline = (text: string): string =>
  text === '' || text.endsWith('\n') ? text : `${text}\n`;

/** The output of a finished process: its output list, else its `output` attributes as they are. */
export const outputOf = (process: AnyProcess): string => {
  const out = process.out ?? [];
  const attributes = outputTexts(process);
  if (attributes.length > 0) return attributes.join('');
  return withNewline(out.map(valueText).join(' '));
};

// Asked for in the words in which it was submitted: a user who submits has none of 2022, whatever
// the environment says.
const wordsOf = ({ spec: { conditions } }: AnyProcess): Readonly<Record<string, unknown>> => {
  const { colonyid, colonyname } = conditions;
  return colonyid === undefined ? { colonyname } : { colonyid };
};

/**
 * Waits for the end of a process, prints its output (with --json the process itself) and returns
 * the exit code: 255 when it failed or was cancelled.
 */
export const outcome = async (
  ctx: Context,
  call: SignedCall,
  submitted: AnyProcess,
  flags: WaitFlags,
): Promise<number> => {
  const { processid } = submitted;
  const quiet = ctx.globals.json || flags.follow !== true;
  const onPoll = quiet ? async () => undefined : followLogs(ctx, call, { processid });
  if (flags.follow) ctx.log.info('Process submitted', { ProcessId: processid });
  const process = await untilEnd(ctx, call, { processid, ...wordsOf(submitted) }, onPoll);
  if (ctx.globals.json) ctx.json(process);
  else if (!flags.follow || flags.out) ctx.out(outputOf(process));
  if (process.state === 2) return EXIT.ok;
  ctx.log.error(`Process ended as ${stateText(process.state)}`, {
    processID: processid,
    errors: (process.errors ?? []).length > 0 ? process.errors : undefined,
  });
  return EXIT.failed;
};
