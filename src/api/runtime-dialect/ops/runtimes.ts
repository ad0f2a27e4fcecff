// Messages of 2022 about runtimes: registered, approved, rejected and deleted by the colony owner.

import { z } from 'zod';
import type { Engine } from '../../../node/engine/engine.ts';
import type { ColonyRow } from '../../../node/model/colony.ts';
import type { ExecutorRow } from '../../../node/model/executor.ts';
import { pointer, struct } from '../../../node/model/wire.ts';
import { type Found, given, op } from '../../op.ts';
import { ColonyRef, Empty, Runtime, RuntimeMsg, RuntimeRef } from '../shapes.ts';
import { isLive, newExecutor, runtimeWire } from '../translate/runtime.ts';
import { DONE, duplicate, NIL, WRONG } from '../wrong.ts';

const NO_RUNTIME = 'runtime is nil';

type Prefers = (colony: ColonyRow, engine: Engine, caller: string) => boolean;

// A runtime is named by its id alone, which may be registered in several colonies of one server:
// the one where the caller has a say is meant, so that nobody can take an id away from others by
// registering it first.
const named = (prefers: Prefers) => ({
  at: (m: { readonly runtimeid: string }) => ({ other: m.runtimeid }),
  find: (m: { readonly runtimeid: string }, engine: Engine, caller: string) => {
    const all = engine.executors
      .anywhere(m.runtimeid)
      .filter(isLive)
      .map((it) => ({ it, colony: engine.colonies.byNo(it.colony) }))
      .filter((found): found is Found<ExecutorRow> => found.colony !== undefined);
    return all.find(({ colony }) => prefers(colony, engine, caller)) ?? all[0];
  },
  missing: NIL.runtime,
});

const namedByOwner = named((colony, engine, caller) => engine.roles.isColonyOwner(colony, caller));
const namedByMember = named(
  (colony, engine, caller) => engine.roles.member(colony, caller)?.kind === 'executor',
);

export const addRuntime = op({
  type: 'addruntimemsg',
  doc: 'Registers a runtime, which waits for approval.',
  kind: 'write',
  wrong: WRONG,
  msg: struct({ runtime: pointer(RuntimeMsg) }),
  needs: ['runtime'],
  reply: Runtime,
  allow: { who: 'colony-owner', colony: (m) => given(m.runtime, NO_RUNTIME).colonyid },
  says: { id: duplicate('runtimes') },
  run: async (cx, m) => {
    const wanted = newExecutor(given(m.runtime, NO_RUNTIME));
    return runtimeWire(await cx.engine.executors.add(cx.colony, wanted, true), cx.colony.id);
  },
});

export const getRuntimes = op({
  type: 'getruntimesmsg',
  doc: 'Lists the runtimes of a colony, in the order of their registration.',
  kind: 'read',
  wrong: WRONG,
  msg: ColonyRef,
  needs: ['colonyid'],
  reply: z.array(Runtime),
  allow: { who: 'member-any-or-owner', colony: (m) => m.colonyid },
  run: (cx) =>
    cx.engine.executors
      .list(cx.colony)
      .filter(isLive)
      .sort((a, b) => a.commissionedUs - b.commissionedUs)
      .map((row) => runtimeWire(row, cx.colony.id)),
});

export const getRuntime = op({
  type: 'getruntimemsg',
  doc: 'Gives one runtime.',
  kind: 'read',
  wrong: WRONG,
  msg: RuntimeRef,
  needs: ['runtimeid'],
  reply: Runtime,
  allow: { who: 'member', ...namedByMember },
  run: (cx) => runtimeWire(cx.it, cx.colony.id),
});

export const approveRuntime = op({
  type: 'approveruntimemsg',
  doc: 'Approves a runtime, from any state.',
  kind: 'write',
  wrong: WRONG,
  msg: RuntimeRef,
  needs: ['runtimeid'],
  reply: Empty,
  allow: { who: 'colony-owner', ...namedByOwner },
  run: async (cx) => {
    await cx.engine.executors.approve(cx.it);
    return DONE;
  },
});

export const rejectRuntime = op({
  type: 'rejectruntimemsg',
  doc: 'Rejects a runtime, from any state. What it runs goes on.',
  kind: 'write',
  wrong: WRONG,
  msg: RuntimeRef,
  needs: ['runtimeid'],
  reply: Empty,
  allow: { who: 'colony-owner', ...namedByOwner },
  run: async (cx) => {
    await cx.engine.executors.reject(cx.it);
    return DONE;
  },
});

export const deleteRuntime = op({
  type: 'deleteruntimemsg',
  doc: 'Deletes a runtime. What it runs returns to the queue.',
  kind: 'write',
  wrong: WRONG,
  msg: RuntimeRef,
  needs: ['runtimeid'],
  reply: Empty,
  allow: { who: 'colony-owner', ...namedByOwner },
  run: async (cx) => {
    await cx.engine.executors.remove(cx.it);
    return DONE;
  },
});
