// The subscriptions of 2022. Events stay within the subscriber's colony, come for every state, and
// show what is stored. `timeout` is sent by every client of the time and has never meant anything:
// nothing expires.

import type { Engine } from '../../node/engine/engine.ts';
import { fault } from '../../node/errors.ts';
import type { ColonyRow } from '../../node/model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../../node/model/executor.ts';
import type { ProcessRow } from '../../node/model/process.ts';
import { int, struct, text } from '../../node/model/wire.ts';
import { type Found, watch } from '../op.ts';
import { processJson2022, statesOf2022 } from './translate/process.ts';
import { isLive } from './translate/runtime.ts';
import { NIL, WRONG_SUBSCRIPTION } from './wrong.ts';

const NO_RUNTIME = 'runtime not found';
const endless = () => undefined;

const runtimesOf = (engine: Engine, caller: string): readonly ExecutorRow[] =>
  engine.executors.anywhere(caller).filter(isLive);

const emitter =
  (engine: Engine, colony: ColonyRow, emit: (payloadJson: string) => void) =>
  (process: ProcessRow): void =>
    emit(processJson2022(process, colony, (name) => engine.executors.byName(colony, name)?.id));

const all =
  (ends: readonly (() => void)[]): (() => void) =>
  () => {
    for (const end of ends) end();
  };

export const subscribeProcesses = watch({
  type: 'subscribeprocessesmsg',
  doc: 'Every process for one runtime type that enters a state, in the colonies where the caller is an approved runtime.',
  wrong: WRONG_SUBSCRIPTION,
  msg: struct({ runtimetype: text(), state: int(), timeout: int() }),
  needs: ['runtimetype', 'state'],
  allow: {
    who: 'member',
    // The message names no colony: it is the caller's own, wherever that is.
    at: (_m, caller: string) => ({ other: caller }),
    find: (_m, engine: Engine, caller: string): Found<ExecutorRow> | undefined => {
      const rows = runtimesOf(engine, caller);
      const it = rows.find((row) => row.state === EXECUTOR_STATE.approved) ?? rows[0];
      const colony = it && engine.colonies.byNo(it.colony);
      return colony && { colony, it };
    },
    missing: { code: 'forbidden', text: () => NO_RUNTIME },
  },
  lifeMs: endless,
  start: ({ engine, caller }, m, emit) =>
    all(
      runtimesOf(engine, caller)
        .filter((row) => row.state === EXECUTOR_STATE.approved)
        .map((row) => engine.colonies.byNo(row.colony))
        .filter((colony) => colony !== undefined)
        .flatMap((colony) =>
          statesOf2022(m.state).map((state) =>
            engine.events.ofColony(colony, m.runtimetype, state, emitter(engine, colony, emit)),
          ),
        ),
    ),
});

export const subscribeProcess = watch({
  type: 'subscribeprocessmsg',
  doc: 'One process entering a state; at once when it already is in it.',
  wrong: WRONG_SUBSCRIPTION,
  msg: struct({ processid: text(), state: int(), timeout: int() }),
  needs: ['processid', 'state'],
  allow: {
    who: 'member',
    at: (m) => ({ process: m.processid }),
    find: (m, engine: Engine, caller: string): Found<ProcessRow> | undefined => {
      const it = engine.processes.find(m.processid);
      const colony = it && engine.colonies.byNo(it.colony);
      if (it === undefined || colony === undefined) return undefined;
      if (runtimesOf(engine, caller).length === 0) throw fault('forbidden', NO_RUNTIME);
      return { colony, it };
    },
    missing: NIL.process,
  },
  lifeMs: endless,
  start: ({ engine, colony, it }, m, emit) =>
    all(
      statesOf2022(m.state).map((state) =>
        engine.events.ofProcess(it, state, emitter(engine, colony, emit)),
      ),
    ),
});
