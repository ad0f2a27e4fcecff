// `colonies process close | fail | cancel | pause | resume | status`: what changes a process or a
// queue.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { parseList } from '../function-spec.ts';
import { COLONY_OWNER_FLAGS, MEMBER_FLAGS } from '../identity.ts';
import type { AnyProcess } from '../process-view.ts';
import { done } from '../report.ts';
import { asColonyMember, asColonyOwner, asMember } from '../session.ts';
import type { Vocabulary } from '../vocabulary.ts';

const PROCESS_FLAGS = {
  ...SERVER_FLAGS,
  ...MEMBER_FLAGS,
  processid: { kind: 'string', short: 'p', help: 'Process id', required: true },
} as const;

/** The process id under the name that log lines of the vocabulary use. */
const named = (vocabulary: Vocabulary, processid: string): Readonly<Record<string, string>> =>
  vocabulary === 'runtime' ? { processID: processid } : { ProcessId: processid };

const NO_ERRORS = 'No errors specified';

const close = command({
  path: ['process', 'close'],
  summary: 'Close a process as successful',
  examples: [
    'colonies process close --processid $ID --insecure',
    'colonies process close -p $ID --out result',
  ],
  flags: { ...PROCESS_FLAGS, out: { kind: 'string', help: 'Output, separated by commas (1.9)' } },
  run: async (ctx, flags) => {
    const { vocabulary, call, words } = await asMember(ctx, flags);
    const { processid } = flags;
    await call<AnyProcess>('getprocessmsg', { processid, ...words });
    const out = flags.out === undefined ? {} : { out: parseList(flags.out) };
    await call('closesuccessfulmsg', { processid, ...words, ...out });
    const text = `Process closed as ${vocabulary === 'runtime' ? 'S' : 's'}uccessful`;
    done(ctx, text, named(vocabulary, processid));
    return undefined;
  },
});

const fail = command({
  path: ['process', 'fail'],
  summary: 'Close a process as failed',
  examples: [
    'colonies process fail --processid $ID --insecure',
    "colonies process fail -p $ID --errors 'disk full'",
  ],
  flags: {
    ...PROCESS_FLAGS,
    errors: { kind: 'string', help: 'Error texts, separated by commas (1.9)' },
  },
  run: async (ctx, flags) => {
    const { vocabulary, call, words } = await asMember(ctx, flags);
    const { processid } = flags;
    await call<AnyProcess>('getprocessmsg', { processid, ...words });
    const given = flags.errors === undefined ? undefined : parseList(flags.errors);
    const errors = given ?? (vocabulary === 'runtime' ? undefined : [NO_ERRORS]);
    const texts = errors === undefined ? {} : { errors };
    await call('closefailedmsg', { processid, ...words, ...texts });
    const text = `Process closed as ${vocabulary === 'runtime' ? 'F' : 'f'}ailed`;
    done(ctx, text, named(vocabulary, processid));
    return undefined;
  },
});

const cancel = command({
  path: ['process', 'cancel'],
  summary: 'Cancel a waiting or running process',
  examples: ['colonies process cancel --processid $ID'],
  flags: PROCESS_FLAGS,
  run: async (ctx, flags) => {
    const { vocabulary, call } = await asMember(ctx, flags);
    await call('cancelprocessmsg', { processid: flags.processid });
    done(ctx, 'Process cancelled', named(vocabulary, flags.processid));
    return undefined;
  },
});

const QUEUE_FLAGS = {
  ...SERVER_FLAGS,
  ...COLONY_OWNER_FLAGS,
  colonyname: { kind: 'string', help: 'Colony name' },
} as const;

const queue = (name: string, type: string, summary: string, text: string): Command =>
  command({
    path: ['process', name],
    summary,
    examples: [`colonies process ${name}`],
    flags: QUEUE_FLAGS,
    run: async (ctx, flags) => {
      const { call, colony } = await asColonyOwner(ctx, flags);
      await call(type, { colonyname: colony });
      done(ctx, text, { Colony: colony });
      return undefined;
    },
  });

const status = command({
  path: ['process', 'status'],
  summary: 'Show whether assignment of processes is paused',
  examples: ['colonies process status', 'colonies process status --json'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    colonyname: { kind: 'string', help: 'Colony name' },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const reply = await call<{ ispaused: boolean }>('getpausestatusmsg', { colonyname: colony });
    const word = reply.ispaused ? 'PAUSED' : 'ACTIVE';
    done(ctx, `Colony process assignments are ${word}`, { Colony: colony }, reply);
    return undefined;
  },
});

export const commands: readonly Command[] = [
  close,
  fail,
  cancel,
  queue(
    'pause',
    'pauseassignmentsmsg',
    'Stop handing out processes of the colony',
    'Colony process assignments have been paused',
  ),
  queue(
    'resume',
    'resumeassignmentsmsg',
    'Hand out processes of the colony again',
    'Colony process assignments have been resumed',
  ),
  status,
];
