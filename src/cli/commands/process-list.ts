// `colonies process psw | ps | pss | psf | psc`: lists by state, in either vocabulary.

import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { tableTime } from '../duration.ts';
import { usageProblem } from '../errors.ts';
import { MEMBER_FLAGS } from '../identity.ts';
import { type AnyProcess, joined, orNone, pairs, runtimeTypeOf } from '../process-view.ts';
import { listOf, showAscii, showRounded } from '../report.ts';
import { asColonyMember, inEitherWords, type Session, type SignedCall } from '../session.ts';
import { cut } from '../wrap.ts';

interface Listing {
  readonly name: string;
  readonly state: number;
  readonly word: string;
  readonly time: 'submissiontime' | 'starttime' | 'endtime';
  readonly timeHeader: string;
  /** Header of the last column in the words of 2022: the README shows `ps` with its own. */
  readonly typeHeader: string;
}

const LISTINGS: readonly Listing[] = [
  {
    name: 'psw',
    state: 0,
    word: 'waiting',
    time: 'submissiontime',
    timeHeader: 'Submission Time',
    typeHeader: 'Runtime Type',
  },
  {
    name: 'ps',
    state: 1,
    word: 'running',
    time: 'starttime',
    timeHeader: 'Start Time',
    typeHeader: 'Target Runtime',
  },
  {
    name: 'pss',
    state: 2,
    word: 'successful',
    time: 'endtime',
    timeHeader: 'End Time',
    typeHeader: 'Runtime Type',
  },
  {
    name: 'psf',
    state: 3,
    word: 'failed',
    time: 'endtime',
    timeHeader: 'End Time',
    typeHeader: 'Runtime Type',
  },
  {
    name: 'psc',
    state: 4,
    word: 'cancelled',
    time: 'endtime',
    timeHeader: 'End Time',
    typeHeader: 'Runtime Type',
  },
];

/** Longest list that a server gives. */
const COUNT_RUNTIME = 100;
const COUNT_EXECUTOR = 20;
const CELL_COLUMNS = 20;

const FLAGS = {
  ...SERVER_FLAGS,
  ...MEMBER_FLAGS,
  count: { kind: 'int', help: 'Most processes to list (default 20; 100 for runtimes)' },
  ids: { kind: 'bool', short: 'i', help: 'Show process ids (always shown for runtimes)' },
  executortype: { kind: 'string', help: 'Only of this executor type' },
  label: { kind: 'string', help: 'Only with this label' },
  initiator: { kind: 'string', help: 'Only of this user' },
} as const;

const oneFilter = (filters: Readonly<Record<string, string | undefined>>): void => {
  const names = Object.keys(filters).filter((name) => filters[name] !== undefined);
  if (names.length > 1) {
    throw usageProblem(`give at most one of --${names.join(', --')}: the server applies only one`);
  }
};

const showRuntimes = (ctx: Context, listing: Listing, processes: readonly AnyProcess[]): void => {
  const rows = processes.map((p) => [
    p.processid,
    p.spec.cmd ?? p.spec.funcname ?? '',
    joined(p.spec.args),
    tableTime(p[listing.time]),
    runtimeTypeOf(p),
  ]);
  const header = ['ID', 'Cmd', 'Args', listing.timeHeader, listing.typeHeader];
  showAscii(ctx, rows, { header });
};

/** Names of the executors behind ids; one call for each id, '' for those that are gone. */
const executorNames = async (
  call: SignedCall,
  colonyname: string,
  processes: readonly AnyProcess[],
): Promise<ReadonlyMap<string, string>> => {
  const idOf = (p: AnyProcess): string => p.assignedexecutorid ?? p.assignedruntimeid ?? '';
  const ids = [...new Set(processes.map(idOf))].filter((id) => id !== '');
  const names = await Promise.all(
    ids.map(async (executorid) => {
      try {
        const fields = { colonyname, executorid };
        const found = await call<{ executorname: string }>('getexecutorbyidmsg', fields);
        return [executorid, found.executorname] as const;
      } catch {
        // Expected: the executor left; the list is still worth showing.
        return [executorid, ''] as const;
      }
    }),
  );
  return new Map(names);
};

const showExecutors = (
  ctx: Context,
  listing: Listing,
  processes: readonly AnyProcess[],
  names: ReadonlyMap<string, string>,
  ids: boolean,
): void => {
  const rows = processes.map((p) => [
    ...(ids ? [p.processid] : []),
    orNone(p.spec.funcname ?? p.spec.cmd),
    cut(joined(p.spec.args), CELL_COLUMNS),
    cut(pairs(p.spec.kwargs), CELL_COLUMNS),
    tableTime(p[listing.time]),
    ...(listing.state === 0 ? [] : [names.get(p.assignedexecutorid ?? '') ?? '']),
    runtimeTypeOf(p),
    p.initiatorname ?? '',
    p.spec.label ?? '',
  ]);
  const header = [
    ...(ids ? ['ProcessId'] : []),
    'FuncName',
    'Args',
    'KwArgs',
    listing.timeHeader,
    ...(listing.state === 0 ? [] : ['Executor name']),
    'Executor type',
    'Initiator',
    'Label',
  ];
  showRounded(ctx, rows, { header });
};

const list = (listing: Listing): Command =>
  command({
    path: ['process', listing.name],
    summary: `List ${listing.word} processes`,
    examples: [
      `colonies process ${listing.name} --insecure`,
      `colonies process ${listing.name} --count 5 --json`,
    ],
    flags: FLAGS,
    run: async (ctx, flags) => {
      const { executortype, label, initiator } = flags;
      oneFilter({ executortype, label, initiator });
      const filtered = (executortype ?? label ?? initiator) !== undefined;
      // Cancelled processes and filters exist in the words of 1.9 only.
      const in2022 = ({ vocabulary }: Session): boolean =>
        vocabulary === 'runtime' && listing.state <= 3 && !filtered;
      const { value, session } = await inEitherWords(await asColonyMember(ctx, flags), (asked) => {
        const old = in2022(asked);
        const count = flags.count ?? (old ? COUNT_RUNTIME : COUNT_EXECUTOR);
        const fields = old
          ? { colonyid: asked.colony, count, state: listing.state }
          : {
              colonyname: asked.colony,
              count,
              state: listing.state,
              executortype,
              label,
              initiator,
            };
        return asked.call<readonly AnyProcess[] | null>('getprocessesmsg', fields);
      });
      const { call, colony } = session;
      const runtime = in2022(session);
      const processes = listOf(value);
      if (processes.length === 0) ctx.log.warn(`No ${listing.word} processes found`);
      if (ctx.globals.json) {
        ctx.json(processes);
      } else if (processes.length > 0 && runtime) {
        showRuntimes(ctx, listing, processes);
      } else if (processes.length > 0) {
        const names =
          listing.state === 0 ? new Map() : await executorNames(call, colony, processes);
        showExecutors(ctx, listing, processes, names, flags.ids === true);
      }
      return undefined;
    },
  });

export const commands: readonly Command[] = LISTINGS.map(list);
