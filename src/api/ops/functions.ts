// Operations on the functions that executors offer.

import { z } from 'zod';
import { fault } from '../../node/errors.ts';
import { FunctionMsg, FunctionRecord, functionWire } from '../../node/model/function.ts';
import { pointer, struct, text } from '../../node/model/wire.ts';
import { given, op } from '../op.ts';
import { DONE, Done, wrong } from './wrong.ts';

const NO_FUNCTION = 'Failed to add function, msg.Function is nil';

type Argument = NonNullable<FunctionRecord['args']>[number];
type ArgumentMsg = z.output<typeof FunctionMsg>['args'][number];

const argument = (sent: ArgumentMsg): Argument => ({
  name: sent.name,
  type: sent.type,
  ...(sent.description === '' ? {} : { description: sent.description }),
  ...(sent.required ? { required: true } : {}),
  ...(sent.enum.length === 0 ? {} : { enum: sent.enum }),
});

export const addFunction = op({
  type: 'addfunctionmsg',
  doc: 'Registers a function of the calling executor, or replaces the one of that name.',
  kind: 'write',
  wrong: wrong('Failed to add function'),
  msg: struct({ fun: pointer(FunctionMsg) }),
  needs: ['fun'],
  reply: FunctionRecord,
  allow: { who: 'member', colony: (m) => given(m.fun, NO_FUNCTION).colonyname },
  run: async (cx, m) => {
    const {
      description,
      args,
      locationname: _,
      colonyname: __,
      ...fun
    } = given(m.fun, NO_FUNCTION);
    const executor = cx.engine.executors.byName(cx.colony, fun.executorname);
    if (executor === undefined) {
      const text = `Failed to add function, Executor with name <${fun.executorname}> does not exist`;
      throw fault('bad-request', text);
    }
    if (executor.id !== cx.caller) {
      throw fault('forbidden', 'Not allowed to add a function to another executor');
    }
    const row = await cx.engine.functions.add(executor, {
      ...fun,
      executortype: fun.executortype === '' ? executor.type : fun.executortype,
      ...(description === '' ? {} : { description }),
      ...(args.length === 0 ? {} : { args: args.map(argument) }),
      ...(executor.location === '' ? {} : { locationname: executor.location }),
    });
    return functionWire(row, cx.name);
  },
});

export const getFunctions = op({
  type: 'getfunctionsmsg',
  doc: 'Lists the functions of a colony, or of one executor.',
  kind: 'read',
  wrong: wrong('Failed to get function'),
  msg: struct({ colonyname: text(), executorname: text() }),
  needs: ['colonyname'],
  reply: z.array(FunctionRecord),
  allow: { who: 'member', colony: (m) => m.colonyname },
  run: (cx, m) =>
    cx.engine.functions
      .list(cx.colony, m.executorname === '' ? undefined : m.executorname)
      .map((row) => functionWire(row, cx.name)),
});

export const removeFunction = op({
  type: 'removefunctionmsg',
  doc: 'Removes a function. Only the executor that offers it may.',
  kind: 'write',
  wrong: wrong('Failed to remove function'),
  msg: struct({ functionid: text() }),
  needs: ['functionid'],
  reply: Done,
  first: (m) => {
    const empty = 'Failed to remove function, msg.FunctionID is empty';
    if (m.functionid === '') throw fault('bad-request', empty);
  },
  allow: {
    who: 'member',
    at: (m) => ({ other: m.functionid }),
    find: (m, engine) => {
      const it = engine.functions.get(m.functionid);
      const colony = it && engine.colonies.byNo(it.colony);
      return colony && { colony, it };
    },
    missing: { text: () => 'Failed to remove function, function does not exist' },
  },
  run: async (cx) => {
    if (cx.it.executorid !== cx.caller) {
      throw fault('forbidden', 'Not allowed to remove a function from another executor');
    }
    await cx.engine.functions.remove(cx.it);
    return DONE;
  },
});
