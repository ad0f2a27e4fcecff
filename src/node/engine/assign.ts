// Assigning work: one attempt, or a long poll that ends by work, deadline, or the caller leaving.

import { fault, keyRevoked } from '../errors.ts';
import type { ColonyRow } from '../model/colony.ts';
import { EXECUTOR_STATE, type ExecutorRow } from '../model/executor.ts';
import type { ProcessRow } from '../model/process.ts';
import type { AssignRequest } from './engine.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Live } from './live.ts';
import type { Offer } from './queue.ts';
import { type ColonyState, type ExecutorHold, type State, stateOf } from './state.ts';
import { isLeft } from './texts.ts';
import type { Waiter } from './waiters.ts';

const stopping = () =>
  fault('unavailable', 'the server is stopping; try again', { reason: 'stopping' });

const holdOf = (colony: ColonyState, executor: ExecutorRow): ExecutorHold => {
  const hold = colony.executorsById.get(executor.id);
  if (!hold || hold.row.state !== EXECUTOR_STATE.approved) {
    throw fault('forbidden', `executor ${executor.name} is not approved`);
  }
  return hold;
};

/** Its row goes to disk with the next signs of life. */
const noteWorker = (state: State, hold: ExecutorHold): void => {
  if (hold.row.works === true) return;
  hold.row = { ...hold.row, works: true };
  state.heard.add(hold);
};

/** A poll that was still open is a sign of life, however long ago it was begun. */
const noteAlive = (state: State, hold: ExecutorHold): void => {
  hold.heardUs = state.clock.nowUs();
  state.heard.add(hold);
};

const offerOf = (hold: ExecutorHold, want: AssignRequest): Offer => ({
  executor: hold.row,
  cpuMilli: want.cpuMilli ?? Number.POSITIVE_INFINITY,
  memBytes: want.memBytes ?? Number.POSITIVE_INFINITY,
});

const wait = (
  state: State,
  lifecycle: Lifecycle,
  colony: ColonyState,
  hold: ExecutorHold,
  want: AssignRequest,
  waitMs: number,
): Promise<ProcessRow | undefined> =>
  new Promise((resolve, reject) => {
    const done = (): void => {
      cancelTimer();
      want.signal.removeEventListener('abort', gone);
      colony.waiters.remove(waiter);
    };
    // Work may come from another call: what this one writes beside its effect must wait with it.
    const beside = state.store.takeBeside();
    const waiter: Waiter = {
      offer: offerOf(hold, want),
      turn: state.nextTurn++,
      give: (live) => {
        done();
        noteAlive(state, hold);
        resolve(state.store.alongside(beside, () => lifecycle.give(colony, live, hold)));
      },
      end: (why) => {
        done();
        if (why === 'dropped') resolve(undefined);
        else reject(why === 'stopping' ? stopping() : keyRevoked());
      },
    };
    const gone = (): void => {
      done();
      resolve(undefined);
    };
    const cancelTimer = state.clock.after(waitMs, () => {
      done();
      noteAlive(state, hold);
      if (!colony.row.paused) return resolve(undefined);
      reject(fault('paused-timeout', 'Assignment timeout: colony assignments are paused'));
    });
    want.signal.addEventListener('abort', gone, { once: true });
    colony.waiters.add(waiter);
  });

const takeNext = (state: State, colony: ColonyState, offer: Offer): Live | undefined => {
  const live = colony.queue.take(offer);
  if (live && isLeft(live)) state.texts.ahead(colony.queue.upcoming(offer));
  return live;
};

/** Makes `Processes.assign`. */
export const makeAssign =
  (state: State, lifecycle: Lifecycle) =>
  async (
    row: ColonyRow,
    executor: ExecutorRow,
    want: AssignRequest,
  ): Promise<ProcessRow | undefined> => {
    if (state.draining) throw stopping();
    const colony = stateOf(state, row);
    const hold = holdOf(colony, executor);
    noteWorker(state, hold);
    const live = colony.row.paused ? undefined : takeNext(state, colony, offerOf(hold, want));
    if (live) return lifecycle.give(colony, live, hold);
    if (want.waitMs === undefined) {
      if (!colony.row.paused) return undefined;
      throw fault('unavailable', 'No processes available: colony assignments are paused');
    }
    if (colony.waiters.size() >= state.limits.waitersPerColonyMax) {
      throw fault('unavailable', 'too many executors of this colony are waiting; try again later');
    }
    // Not looked at before: it is made when first read, and work at hand needs none.
    if (want.signal.aborted) return undefined;
    return wait(state, lifecycle, colony, hold, want, want.waitMs);
  };

/** Makes `Processes.endWaits`. */
export const makeEndWaits =
  ({ whereabouts }: State) =>
  (executorid: string): void => {
    for (const { waiters } of whereabouts.of(executorid)) {
      for (const waiter of waiters.of(executorid)) waiter.end('revoked');
    }
  };
