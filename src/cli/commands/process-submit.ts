// `colonies process submit` and `assign`: putting processes in and taking them out.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { advised, ServerError } from '../errors.ts';
import { functionSpec } from '../function-spec.ts';
import { colonyRef, findColonyRef, MEMBER_FLAGS, member } from '../identity.ts';
import type { AnyProcess } from '../process-view.ts';
import { done } from '../report.ts';
import { asColonyMember, asMember, inEitherWords, type Session } from '../session.ts';
import { checkTyped, type JsonObject, objectIn, readSpec } from '../spec-file.ts';
import { callDeadline } from '../transport.ts';
import { outcome, WAIT_FLAGS, waitsForEnd } from '../wait.ts';

const UNKNOWN_COLONY =
  'Unknown Colony Id, please set COLONYID env variable or specify ColonyID in JSON file';

const RUNTIMES_ONLY = 'Only a runtime may submit a process with conditions.runtimeids';
const NAMES_INSTEAD =
  'As a user, submit a function specification (funcname) with conditions.executornames.';

/** A process specification as the server takes it; `colony` fills in when the file names none. */
export const processSpec = (file: JsonObject, colony: string | undefined): JsonObject => {
  const conditions = objectIn(file, 'conditions');
  checkTyped(conditions, 'runtimetype');
  const colonyid = conditions['colonyid'] || colony;
  if (colonyid === undefined) {
    throw advised(UNKNOWN_COLONY, 'COLONIES_COLONYID and --colonyid work too.');
  }
  return {
    ...file,
    maxexectime: file['maxexectime'] || -1,
    env: file['env'] ?? {},
    conditions: { ...conditions, colonyid },
  };
};

/** A process specification in today's words. */
const inTodaysWords = async (spec: JsonObject): Promise<JsonObject> => {
  const { ProcessSpecMsg } = await import('../../api/runtime-dialect/shapes.ts');
  const translate = await import('../../api/runtime-dialect/translate/spec.ts');
  const { conditions, ...rest } = translate.functionSpec(ProcessSpecMsg.parse(spec));
  const colonyname = objectIn(spec, 'conditions')['colonyid'];
  return { ...rest, conditions: { ...conditions, colonyname } };
};

/** Whether it names the runtimes that may run it, by their ids: today's words have names only. */
const namesRuntimes = (spec: JsonObject): boolean => {
  const ids = objectIn(spec, 'conditions')['runtimeids'];
  return Array.isArray(ids) && ids.some((id) => id !== '*');
};

/** Submits as a runtime or executor; as a user, who may submit function specifications only. */
const submitted = async (session: Session, spec: JsonObject): Promise<AnyProcess> => {
  const { value } = await inEitherWords(
    { ...session, vocabulary: 'runtime' },
    async ({ vocabulary, call }) => {
      if (vocabulary === 'runtime') return call<AnyProcess>('submitprocessespecmsg', { spec });
      if (namesRuntimes(spec)) throw advised(RUNTIMES_ONLY, NAMES_INSTEAD);
      return call<AnyProcess>('submitfuncspecmsg', { spec: await inTodaysWords(spec) });
    },
  );
  return value;
};

const submit = command({
  path: ['process', 'submit'],
  summary: 'Submit a process specification',
  details:
    'The file holds what to run (cmd, args, env) and where (conditions). A conditions.colonyid that is\n' +
    'missing is taken from --colonyid or COLONIES_COLONYID. A function specification (funcname) is\n' +
    'accepted as well. With --wait, prints the output and ends with 255 when the process failed.',
  examples: [
    'colonies process submit --spec examples/sleep.json --insecure',
    'colonies process submit --spec examples/echo.json --wait --insecure',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    ...WAIT_FLAGS,
    spec: { kind: 'string', help: 'JSON file; - is stdin', required: true },
  },
  run: async (ctx, flags) => {
    const file = readSpec(flags.spec);
    const isFunction = file['cmd'] === undefined && file['funcname'] !== undefined;
    const session = await asMember(ctx, flags);
    const { call } = session;
    const colony = findColonyRef(ctx, flags);
    const process = isFunction
      ? await call<AnyProcess>('submitfuncspecmsg', { spec: functionSpec(file, colony) })
      : await submitted(session, processSpec(file, colony));
    if (waitsForEnd(flags)) return outcome(ctx, call, process, flags);
    done(ctx, 'Process submitted', { processID: process.processid }, process);
    return undefined;
  },
});

const NOTHING = 'No process was assigned';

const assign = command({
  path: ['process', 'assign'],
  summary: 'Take one waiting process, as the runtime or executor that calls',
  details: 'Ends with 0 and a warning when there is nothing to take.',
  examples: ['colonies process assign --insecure', 'colonies process assign --timeout 10'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    timeout: { kind: 'int', help: 'Seconds to wait for a process (1.9)', default: 100 },
  },
  run: async (ctx, flags) => {
    const { vocabulary, call, colony } = await asColonyMember(ctx, flags);
    const fields =
      vocabulary === 'runtime'
        ? { colonyid: colonyRef(ctx, flags) }
        : { colonyname: colony, timeout: flags.timeout };
    const until = callDeadline(undefined, Math.max(0, flags.timeout) * 1000);
    let process: AnyProcess | undefined;
    try {
      process = await call<AnyProcess | undefined>('assignprocessmsg', fields, until);
    } catch (error) {
      // A refusal is only a warning, as in the originals; a server that cannot be reached is an
      // error.
      if (!(error instanceof ServerError)) throw error;
      ctx.log.warn(NOTHING, error.status === 404 ? {} : { err: error.message });
      if (ctx.globals.json) ctx.json(null);
      return undefined;
    }
    if (process === undefined) {
      ctx.log.warn(NOTHING);
      if (ctx.globals.json) ctx.json(null);
      return undefined;
    }
    const { id } = await member(ctx, flags);
    if (vocabulary === 'runtime') {
      const facts = { processID: process.processid, runtimeID: id };
      done(ctx, 'Assigned process to runtime', facts, process);
    } else {
      const facts = { ProcessId: process.processid, ExecutorId: id };
      done(ctx, 'Assigned process to executor', facts, process);
    }
    return undefined;
  },
});

export const commands: readonly Command[] = [submit, assign];
