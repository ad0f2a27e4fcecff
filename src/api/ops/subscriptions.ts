// The executor dialect's subscriptions to processes.

import { LIMITS } from '../../node/limits.ts';
import { processJson } from '../../node/model/process.ts';
import { int, struct, text } from '../../node/model/wire.ts';
import { type Wrong, watch } from '../op.ts';

const wrongWatch = (what: string): Wrong => ({
  code: 'forbidden',
  invalid: (problem) => problem,
  nothing: 'failed to parse JSON',
  mismatch: `Failed to subscribe to ${what}, msg.msgType does not match rpcMsg.PayloadType`,
});

// Zero and below end at once, as every client of the protocol expects.
const lifeMs = ({ timeout }: { readonly timeout: number }): number =>
  Math.max(0, Math.min(timeout, LIMITS.subscriptionTimeoutMaxS)) * 1000;

export const subscribeProcesses = watch({
  type: 'subscribeprocessesmsg',
  doc: 'Sends every process of a colony with this executor type that enters `state`, for `timeout` seconds.',
  wrong: wrongWatch('processes'),
  msg: struct({ colonyname: text(), executortype: text(), state: int(), timeout: int() }),
  needs: ['colonyname', 'executortype', 'state', 'timeout'],
  allow: {
    who: 'member',
    // Browser clients name no colony: theirs is meant.
    at: (m, caller) => (m.colonyname === '' ? { other: caller } : { colony: m.colonyname }),
    find: (m, engine, caller) => {
      const [own] = m.colonyname === '' ? engine.executors.anywhere(caller) : [];
      const colony = own ? engine.colonies.byNo(own.colony) : engine.colonies.find(m.colonyname);
      return colony && { colony, it: undefined };
    },
    named: (m) => m.colonyname,
    missing: { code: 'forbidden', text: () => 'executor not found' },
  },
  lifeMs,
  start: (cx, m, emit) =>
    cx.engine.events.ofColony(cx.colony, m.executortype, m.state, (process) =>
      emit(processJson(process, cx.name)),
    ),
});

export const subscribeProcess = watch({
  type: 'subscribeprocessmsg',
  doc: 'Sends a process when it enters `state`, at once when it is in it, for `timeout` seconds.',
  wrong: wrongWatch('process'),
  msg: struct({
    colonyname: text(),
    processid: text(),
    executortype: text(),
    state: int(),
    timeout: int(),
  }),
  needs: ['processid', 'state', 'timeout'],
  allow: {
    who: 'member',
    process: (m) => m.processid,
    named: (m) => m.colonyname,
    missing: { code: 'forbidden', text: (m) => `Invalid process with Id ${m.processid}` },
  },
  lifeMs,
  start: (cx, m, emit) =>
    cx.engine.events.ofProcess(cx.process, m.state, (process) =>
      emit(processJson(process, cx.name)),
    ),
});
