// `colonies log add | get | search`: what executors wrote about their work.

import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { parseDuration, tableTime } from '../duration.ts';
import { usageProblem } from '../errors.ts';
import { findColonyRef, MEMBER_FLAGS } from '../identity.ts';
import { followLogs, type LogLine, type LogSource, logRequest } from '../log-follow.ts';
import { localTime } from '../logrus.ts';
import { type AnyProcess, isFinalState } from '../process-view.ts';
import { done, listOf, showRounded } from '../report.ts';
import {
  asColonyMember,
  asMember,
  inEitherWords,
  type Session,
  type SignedCall,
} from '../session.ts';
import { callDeadline } from '../transport.ts';
import { sleep } from '../wait.ts';

const add = command({
  path: ['log', 'add'],
  summary: 'Add a line to the log of a process that the caller runs',
  examples: ["colonies log add -p $ID -m 'half way'"],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    processid: { kind: 'string', short: 'p', help: 'Process id', required: true },
    msg: { kind: 'string', short: 'm', help: 'Text', required: true },
  },
  run: async (ctx, flags) => {
    const { call } = await asMember(ctx, flags);
    const { processid, msg } = flags;
    await call('addlogmsg', { processid, message: msg });
    done(ctx, 'Adding log', { LogMsg: msg, ProcessID: processid });
    return undefined;
  },
});

const MS_NS = 1_000_000n;

/** Nanoseconds since the epoch: digits as they are, or a duration ago such as `10m`. */
const sinceNs = (text: string, nowMs: number): bigint => {
  if (/^\d+$/.test(text)) return BigInt(text);
  const ago = parseDuration(text);
  if (ago === undefined) {
    throw usageProblem(
      `invalid --since ${JSON.stringify(text)}: use nanoseconds since 1970, or a duration as 10m`,
    );
  }
  return BigInt(Math.round(nowMs - ago)) * MS_NS;
};

const FOLLOW_MS = 1000;

/** Prints what comes until the process ends; logs of an executor until the command is stopped. */
const follow = async (
  ctx: Context,
  asked: Session,
  source: LogSource,
  since: bigint,
): Promise<void> => {
  const signal = ctx.stopSignal();
  const print = followLogs(ctx, asked.call, source, since);
  const { processid } = source;
  let session = asked;
  const ended = async (): Promise<boolean> => {
    if (processid === undefined) return false;
    const told = await inEitherWords(session, ({ call, words }) =>
      call<AnyProcess>('getprocessmsg', { processid, ...words }, callDeadline(signal)),
    );
    session = told.session;
    return isFinalState(told.value.state);
  };
  while (!signal.aborted) {
    const last = await ended();
    await print();
    if (last) return;
    // Rejects only when the command is stopped, which ends the loop.
    await sleep(ctx.clock, FOLLOW_MS, signal).catch(() => undefined);
  }
};

const get = command({
  path: ['log', 'get'],
  summary: 'Print the log of a process or an executor',
  details:
    'Prints the newest lines, --first the oldest, --since what is newer. --follow goes on until the\n' +
    'process ends.',
  examples: ['colonies log get -p $ID', 'colonies log get -p $ID --follow'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    processid: { kind: 'string', short: 'p', help: 'Process id' },
    executorname: { kind: 'string', short: 'e', help: 'Executor name' },
    since: { kind: 'string', help: 'Nanoseconds since 1970, or a duration ago as 10m' },
    count: { kind: 'int', help: 'Most lines to print', default: 100 },
    follow: { kind: 'bool', help: 'Go on printing what comes' },
    latest: { kind: 'bool', short: 'l', help: 'The newest lines (default)' },
    first: { kind: 'bool', short: 'f', help: 'The oldest lines' },
  },
  run: async (ctx, flags) => {
    const { processid, executorname } = flags;
    if ((processid === undefined) === (executorname === undefined)) {
      throw usageProblem('give either --processid or --executorname');
    }
    const since = flags.since === undefined ? 0n : sinceNs(flags.since, ctx.clock.now());
    const session = await asMember(ctx, flags);
    const { call } = session;
    const colonyname = findColonyRef(ctx, flags) ?? '';
    const source: LogSource =
      processid === undefined
        ? { colonyname, ...(executorname === undefined ? {} : { executorname }) }
        : { colonyname, processid };
    if (flags.follow && !ctx.globals.json) {
      await follow(ctx, session, source, since);
      return undefined;
    }
    const latest = flags.latest ?? (flags.first !== true && since === 0n);
    const request = logRequest(source, { count: flags.count, since, latest });
    const lines = listOf(await call<readonly LogLine[] | null>('getlogsmsg', request));
    if (ctx.globals.json) ctx.json(lines);
    else for (const line of lines) ctx.out(line.message);
    return undefined;
  },
});

const msOf = (line: LogLine): number => Number(BigInt(line.timestamp) / MS_NS);
const SECOND_NS = 1_000_000_000n;
const AROUND_COUNT = 500;

/** The lines of the hit's process within `seconds` of it. */
const around = async (call: SignedCall, colony: string, hit: LogLine, seconds: number) => {
  const at = BigInt(hit.timestamp);
  const span = BigInt(seconds) * SECOND_NS;
  const source: LogSource =
    hit.processid === ''
      ? { colonyname: colony, executorname: hit.executorname }
      : { colonyname: colony, processid: hit.processid };
  const request = logRequest(source, { count: AROUND_COUNT, since: at - span, latest: false });
  const lines = listOf(await call<readonly LogLine[] | null>('getlogsmsg', request));
  return lines.filter((line) => BigInt(line.timestamp) <= at + span);
};

const search = command({
  path: ['log', 'search'],
  summary: 'Search the logs of a colony for a text',
  examples: ['colonies log search --text error --days 7'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    text: { kind: 'string', short: 't', help: 'Text to find, case counts', required: true },
    days: { kind: 'int', short: 'd', help: 'Days to look back', default: 1 },
    count: { kind: 'int', help: 'Most hits', default: 10 },
    print: { kind: 'bool', help: 'Also print the lines around each hit' },
    seconds: { kind: 'int', help: 'With --print: this many seconds around', default: 1 },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const { text, days, count } = flags;
    ctx.log.info('Searching for logs', { Count: count, Days: days, Text: text });
    const fields = { colonyname: colony, text, days, count };
    const hits = listOf(await call<readonly LogLine[] | null>('searchlogsmsg', fields));
    if (ctx.globals.json) {
      ctx.json(hits);
      return undefined;
    }
    for (const hit of hits) {
      showRounded(ctx, [
        ['Timestamp', tableTime(localTime(msOf(hit)))],
        ['ExecutorName', hit.executorname],
        ['ProcessID', hit.processid],
        ['Text', hit.message.trimEnd()],
      ]);
      if (!flags.print) continue;
      for (const line of await around(call, colony, hit, flags.seconds)) ctx.out(line.message);
    }
    return undefined;
  },
});

export const commands: readonly Command[] = [add, get, search];
