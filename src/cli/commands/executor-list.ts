// `colonies executor ls | get`: showing executors with what they have and what they can do.

import { type Command, type Context, command } from '../command.ts';
import { tableTime } from '../duration.ts';
import { valueText } from '../process-view.ts';
import { listOf, showRounded, yesNo } from '../report.ts';
import { asColonyMember, type SignedCall } from '../session.ts';
import { isObject } from '../spec-file.ts';
import { EXECUTOR_FLAGS, today } from './executor.ts';

interface Executor {
  readonly executorid: string;
  readonly executortype: string;
  readonly executorname: string;
  readonly colonyname: string;
  readonly state: number;
  readonly requirefuncreg: boolean;
  readonly commissiontime: string;
  readonly lastheardfromtime: string;
  readonly locationname?: string;
  readonly capabilities?: {
    readonly hardware: readonly Readonly<Record<string, unknown>>[] | null;
    readonly software: readonly Readonly<Record<string, unknown>>[] | null;
  };
}

interface FunctionInfo {
  readonly functionid: string;
  readonly funcname: string;
  readonly counter: number;
}

const UNREGISTERED = 3;
const STATES = ['Pending', 'Approved', 'Rejected', 'Unregistered'];
const stateOf = (executor: Executor): string => STATES[executor.state] ?? 'Unknown';

const MEMBER = {
  ...EXECUTOR_FLAGS,
  prvkey: { kind: 'string', help: 'Private key of the user or executor' },
} as const;

const functionsOf = async (call: SignedCall, colony: string, name: string) =>
  listOf(
    await call<readonly FunctionInfo[] | null>('getfunctionsmsg', {
      colonyname: colony,
      executorname: name,
    }),
  );

const fieldRows = (part: Readonly<Record<string, unknown>>): readonly (readonly string[])[] =>
  Object.entries(part).flatMap(([key, value]) =>
    isObject(value)
      ? Object.entries(value).map(([inner, text]) => [`${key}.${inner}`, valueText(text)])
      : [[key, value === null ? '' : valueText(value)]],
  );

const showFull = async (
  ctx: Context,
  call: SignedCall,
  colony: string,
  executor: Executor,
): Promise<void> => {
  showRounded(ctx, [
    ['Name', executor.executorname],
    ['Id', executor.executorid],
    ['Type', executor.executortype],
    ['Colony', executor.colonyname],
    ['State', stateOf(executor)],
    ['RequireFuncRegistration', yesNo(executor.requirefuncreg)],
    ['Commission Time', tableTime(executor.commissiontime)],
    ['Last Heard From', tableTime(executor.lastheardfromtime)],
    ['Location', executor.locationname ?? ''],
  ]);
  for (const part of listOf(executor.capabilities?.hardware)) {
    showRounded(ctx, fieldRows(part), { title: 'Hardware' });
  }
  const software = listOf(executor.capabilities?.software);
  if (software.length > 0) {
    const rows = software.map((one) => ['name', 'type', 'version'].map((k) => valueText(one[k])));
    showRounded(ctx, rows, { title: 'Software', header: ['Name', 'Type', 'Version'] });
  }
  const functions = await functionsOf(call, colony, executor.executorname);
  if (functions.length > 0) {
    const rows = functions.map((one) => [one.funcname, one.functionid, one.counter]);
    showRounded(ctx, rows, { title: 'Functions', header: ['FuncName', 'FunctionId', 'Calls'] });
  }
};

const ls = command({
  path: ['executor', 'ls'],
  summary: 'List the executors of a colony',
  examples: ['colonies executor ls', 'colonies executor ls --full', 'colonies executor ls --json'],
  flags: {
    ...MEMBER,
    all: { kind: 'bool', help: 'Also unregistered executors, with their state' },
    filter: { kind: 'string', short: 'f', help: 'Only names that contain this' },
    full: { kind: 'bool', help: 'Show everything about each executor' },
    location: { kind: 'string', help: 'Only at this location' },
    type: { kind: 'string', help: 'Only of this type' },
  },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, today(flags));
    const reply = await call<readonly Executor[] | null>('getexecutorsmsg', { colonyname: colony });
    const executors = listOf(reply).filter(
      (executor) =>
        (flags.all === true || executor.state !== UNREGISTERED) &&
        executor.executorname.includes(flags.filter ?? '') &&
        (flags.type === undefined || executor.executortype === flags.type) &&
        (flags.location === undefined || executor.locationname === flags.location),
    );
    if (ctx.globals.json) {
      ctx.json(executors);
      return undefined;
    }
    if (flags.full) {
      for (const executor of executors) await showFull(ctx, call, colony, executor);
      return undefined;
    }
    const rows = executors.map((executor) => [
      executor.executorname,
      executor.executortype,
      ...(flags.all ? [stateOf(executor)] : []),
      executor.locationname || 'n/a',
      tableTime(executor.lastheardfromtime),
    ]);
    const state = flags.all ? ['State'] : [];
    showRounded(ctx, rows, { header: ['Name', 'Type', ...state, 'Location', 'Last Heard From'] });
    return undefined;
  },
});

const get = command({
  path: ['executor', 'get'],
  summary: 'Show an executor',
  examples: ['colonies executor get --name ex1', 'colonies executor get --name ex1 --json'],
  flags: { ...MEMBER, name: { kind: 'string', help: 'Executor name', required: true } },
  run: async (ctx, flags) => {
    const { call, colony } = await asColonyMember(ctx, today(flags));
    const fields = { colonyname: colony, executorname: flags.name };
    const executor = await call<Executor>('getexecutormsg', fields);
    if (ctx.globals.json) ctx.json(executor);
    else await showFull(ctx, call, colony, executor);
    return undefined;
  },
});

export const commands: readonly Command[] = [ls, get];
