// `colonies function register | remove | ls`: what executors offer.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { MEMBER_FLAGS } from '../identity.ts';
import { done, listOf, showRounded } from '../report.ts';
import { asColonyMember, asMember } from '../session.ts';

interface FunctionInfo {
  readonly functionid: string;
  readonly executorname: string;
  readonly executortype: string;
  readonly funcname: string;
  readonly counter: number;
  readonly minwaittime: number;
  readonly maxwaittime: number;
  readonly minexectime: number;
  readonly maxexectime: number;
  readonly avgwaittime: number;
  readonly avgexectime: number;
}

const register = command({
  path: ['function', 'register'],
  summary: 'Register a function of the executor that calls',
  examples: ['colonies function register --name ex1 --func helloworld'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    name: { kind: 'string', help: 'Executor name', required: true },
    func: { kind: 'string', help: 'Function name', required: true },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const fun = { colonyname: colony, executorname: flags.name, funcname: flags.func };
    const added = await call<FunctionInfo>('addfunctionmsg', { fun });
    const facts = {
      ColonyName: colony,
      ExecutorName: flags.name,
      FunctionId: added.functionid,
      FuncName: flags.func,
    };
    done(ctx, 'Function registered', facts, added);
    return undefined;
  },
});

const remove = command({
  path: ['function', 'remove'],
  summary: 'Remove a function of the executor that calls',
  details: '`colonies executor get` and `colonies function ls --json` show function ids.',
  examples: ['colonies function remove --functionid $ID'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    functionid: { kind: 'string', help: 'Function id', required: true },
  },
  run: async (ctx, flags) => {
    const { call } = await asMember(ctx, flags);
    await call('removefunctionmsg', { functionid: flags.functionid });
    done(ctx, 'Function removed', { FunctionId: flags.functionid });
    return undefined;
  },
});

const least = (values: readonly number[]): number =>
  Math.min(...values.filter((value) => value > 0), Number.POSITIVE_INFINITY);

/** Seconds with six decimals; 0 when there was no call yet. */
const seconds = (value: number): string => `${(Number.isFinite(value) ? value : 0).toFixed(6)} s`;

const mean = (all: readonly FunctionInfo[], of: (one: FunctionInfo) => number): number => {
  const calls = all.reduce((sum, one) => sum + one.counter, 0);
  return calls === 0 ? 0 : all.reduce((sum, one) => sum + of(one) * one.counter, 0) / calls;
};

const grouped = (all: readonly FunctionInfo[]): readonly (readonly FunctionInfo[])[] => {
  const groups = new Map<string, FunctionInfo[]>();
  for (const one of all) {
    const key = JSON.stringify([one.executortype, one.funcname]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
};

const rowsOf = (same: readonly FunctionInfo[]) => {
  const [one] = same as [FunctionInfo];
  return [
    ['Function', one.funcname],
    ['ExecutorType', one.executortype],
    ['Executors', [...new Set(same.map((f) => f.executorname))].join(' ')],
    ['Calls', same.reduce((sum, f) => sum + f.counter, 0)],
    ['MinWaitTime', seconds(least(same.map((f) => f.minwaittime)))],
    ['MaxWaitTime', seconds(Math.max(...same.map((f) => f.maxwaittime)))],
    ['AvgWaitTime', seconds(mean(same, (f) => f.avgwaittime))],
    ['MinExecTime', seconds(least(same.map((f) => f.minexectime)))],
    ['MaxExecTime', seconds(Math.max(...same.map((f) => f.maxexectime)))],
    ['AvgExecTime', seconds(mean(same, (f) => f.avgexectime))],
  ];
};

const ls = command({
  path: ['function', 'ls'],
  summary: 'List the functions of a colony with their statistics',
  examples: ['colonies function ls', 'colonies function ls --json'],
  flags: { ...SERVER_FLAGS, ...MEMBER_FLAGS },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, flags);
    const fields = { colonyname: colony };
    const all = listOf(await call<readonly FunctionInfo[] | null>('getfunctionsmsg', fields));
    if (all.length === 0) ctx.log.info('No functions found', { ColonyName: colony });
    if (ctx.globals.json) ctx.json(all);
    else for (const same of grouped(all)) showRounded(ctx, rowsOf(same));
    return undefined;
  },
});

export const commands: readonly Command[] = [register, remove, ls];
