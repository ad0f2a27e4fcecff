// `colonies function submit | exec`: calling functions, from a file or from flags.

import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { usageProblem } from '../errors.ts';
import { functionSpec, parseList, parseMap } from '../function-spec.ts';
import { colonyRef, findColonyRef, MEMBER_FLAGS } from '../identity.ts';
import type { AnyProcess } from '../process-view.ts';
import { done } from '../report.ts';
import { asMember, type SignedCall } from '../session.ts';
import { type JsonObject, readSpec } from '../spec-file.ts';
import { outcome, WAIT_FLAGS, type WaitFlags, waitsForEnd } from '../wait.ts';

const LABEL = { kind: 'string', help: 'Label of the process' } as const;

const send = async (
  ctx: Context,
  call: SignedCall,
  spec: JsonObject,
  flags: WaitFlags,
): Promise<number | undefined> => {
  const process = await call<AnyProcess>('submitfuncspecmsg', { spec });
  if (waitsForEnd(flags)) return outcome(ctx, call, process, flags);
  done(ctx, 'Process submitted', { ProcessId: process.processid }, process);
  return undefined;
};

const labelled = (spec: JsonObject, label: string | undefined): JsonObject =>
  label === undefined ? spec : { ...spec, label };

const submit = command({
  path: ['function', 'submit'],
  summary: 'Submit a function specification',
  details:
    'A conditions.colonyname that is missing is taken from the environment. With --wait, prints the\n' +
    'output and ends with 255 when the process failed.',
  examples: [
    'colonies function submit --spec examples/function.json',
    'colonies function submit --spec examples/function.json --follow',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    ...WAIT_FLAGS,
    spec: { kind: 'string', help: 'JSON file; - is stdin', required: true },
    label: LABEL,
  },
  run: async (ctx, flags) => {
    const spec = functionSpec(readSpec(flags.spec), findColonyRef(ctx, flags));
    const { call } = await asMember(ctx, flags);
    return send(ctx, call, labelled(spec, flags.label), flags);
  },
});

const UNLIMITED = -1;

interface Target {
  readonly executorname: string;
  readonly executortype: string;
}

/** The executor that --targetid names. */
const targetOf = async (
  call: SignedCall,
  colonyname: string,
  executorid: string | undefined,
): Promise<Target | undefined> => {
  if (executorid === undefined) return undefined;
  return call<Target>('getexecutorbyidmsg', { colonyname, executorid });
};

const typeOf = (ctx: Context, flag: string | undefined, target: Target | undefined): string => {
  const type = flag || target?.executortype || ctx.env.COLONIES_EXECUTOR_TYPE;
  if (type !== undefined) return type;
  throw usageProblem(
    'nothing says which type of executor may run it: give --targettype, or set ' +
      'COLONIES_EXECUTOR_TYPE; without it the process would wait for ever',
  );
};

const exec = command({
  path: ['function', 'exec'],
  summary: 'Call a function',
  examples: [
    'colonies function exec --func echo --args hello --targettype testworker --wait',
    'colonies function exec --func train --kwargs epochs:10,rate:0.1 --targettype gpu --follow',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    ...WAIT_FLAGS,
    func: { kind: 'string', help: 'Function name', required: true },
    targettype: { kind: 'string', help: 'Executor type; without it that of --targetid' },
    targetid: { kind: 'string', help: 'Id of the one executor that may run it' },
    args: { kind: 'string', help: 'Arguments, separated by commas' },
    kwargs: { kind: 'string', help: 'Keyword arguments: key:value,key:value' },
    env: { kind: 'string', help: 'Environment: key=value,key=value' },
    maxwaittime: { kind: 'int', help: 'Seconds in the queue', default: UNLIMITED },
    maxexectime: { kind: 'int', help: 'Seconds of one attempt', default: UNLIMITED },
    maxretries: { kind: 'int', help: 'Retries after a timeout', default: UNLIMITED },
    label: LABEL,
  },
  run: async (ctx, flags) => {
    const args = parseList(flags.args);
    const kwargs = parseMap(flags.kwargs, ':', 'kwargs');
    const env = parseMap(flags.env, '=', 'env');
    const colonyname = colonyRef(ctx, flags);
    const { call } = await asMember(ctx, flags);
    const target = await targetOf(call, colonyname, flags.targetid);
    const executortype = typeOf(ctx, flags.targettype, target);
    const executornames = target === undefined ? [] : [target.executorname];
    const { func: funcname, maxwaittime, maxexectime, maxretries } = flags;
    const limits = { maxwaittime, maxexectime, maxretries };
    const conditions = { colonyname, executortype, executornames };
    const spec = { funcname, args, kwargs, env, ...limits, conditions };
    return send(ctx, call, labelled(spec, flags.label), flags);
  },
});

export const commands: readonly Command[] = [submit, exec];
