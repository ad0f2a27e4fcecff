// Every message of the executor dialect against every kind of caller, pinned independently of the
// operation table by permissions.json, which is written by hand from the protocol documents.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import * as subscriptions from '../../src/api/ops/subscriptions.ts';
import { makeWatching } from '../../src/api/ws.ts';
import { subscriber } from '../support/frames.ts';
import { type Answer, idOf, openWorld, type World } from '../support/world.ts';
import pinned from './permissions.json' with { type: 'json' };

let w: World;
beforeAll(async () => {
  w = await openWorld();
  await w.colony('elsewhere');
  await w.executor('foreign', 'elsewhere');
});
afterAll(() => w.close());

type Kind = (typeof pinned.callers)[number];

/** A colony of its own for one message, with one identity of every kind. */
interface Stage {
  readonly colonyname: string;
  /** The name of the identity of this kind. */
  who(kind: Kind): string;
  /** A name that nothing has yet. */
  fresh(): string;
}

const setUp = async (type: string): Promise<Stage> => {
  const colonyname = `colony of ${type}`;
  const who = (kind: Kind): string => {
    if (kind === 'server owner') return 'server';
    if (kind === 'colony owner') return colonyname;
    return kind === 'member of another colony' ? 'foreign' : `${kind} for ${type}`;
  };
  await w.colony(colonyname);
  await w.user(who('user'), colonyname);
  await w.executor(who('approved executor'), colonyname);
  const owner = w.as(colonyname);
  for (const kind of ['pending executor', 'rejected executor', 'unregistered executor'] as const) {
    const executorname = who(kind);
    await owner.addExecutor({
      executor: {
        colonyname,
        executorname,
        executorid: idOf(executorname),
        executortype: 'worker',
      },
    });
    if (kind === 'rejected executor') await owner.rejectExecutor({ colonyname, executorname });
    if (kind === 'unregistered executor') await owner.removeExecutor({ colonyname, executorname });
  }
  let n = 0;
  return {
    colonyname,
    who,
    fresh: () => {
      n += 1;
      return `${type} ${n}`;
    },
  };
};

const submitted = async ({ colonyname, who }: Stage): Promise<string> => {
  const spec = { conditions: { colonyname, executortype: 'worker' }, env: { KEY: 'value' } };
  return (await w.as(who('user')).submit({ spec })).processid;
};

/** A process that the approved executor runs. */
const running = async (stage: Stage): Promise<string> => {
  const { colonyname, who } = stage;
  const processid = await submitted(stage);
  await w.as(who('approved executor')).assign({ colonyname, timeout: -1 });
  return processid;
};

const newExecutor = async (stage: Stage): Promise<object> => {
  const { colonyname, fresh } = stage;
  const executorname = fresh();
  const executorid = idOf(executorname);
  await w.as(colonyname).addExecutor({ executor: { colonyname, executorname, executorid } });
  return { colonyname, executorname };
};

/** The executor's own name, or for those who are none that of the approved one. */
const ownName = ({ who }: Stage, kind: Kind): string =>
  who(kind.endsWith('executor') ? kind : 'approved executor');

type Fields = object | Promise<object>;
const inColony = ({ colonyname }: Stage): Fields => ({ colonyname });
const own = (stage: Stage, kind: Kind): object => ({
  colonyname: stage.colonyname,
  executorname: ownName(stage, kind),
});

/** The fields of a message that would succeed if its caller may send it. */
const FIELDS: Readonly<Record<string, (stage: Stage, kind: Kind) => Fields>> = {
  addcolonymsg: ({ fresh }) => {
    const name = fresh();
    return { colony: { name, colonyid: idOf(name) } };
  },
  removecolonymsg: async ({ fresh }) => ({ colonyname: (await w.colony(fresh())).name }),
  addusermsg: ({ colonyname, fresh }) => {
    const name = fresh();
    return { user: { colonyname, name, userid: idOf(name) } };
  },
  getusermsg: ({ colonyname, who }) => ({ colonyname, name: who('user') }),
  getuserbyidmsg: ({ colonyname, who }) => ({ colonyname, userid: idOf(who('user')) }),
  removeusermsg: async ({ colonyname, fresh }) => {
    const { name } = await w.user(fresh(), colonyname);
    return { colonyname, name };
  },
  addexecutormsg: ({ colonyname, fresh }) => {
    const executorname = fresh();
    return { executor: { colonyname, executorname, executorid: idOf(executorname) } };
  },
  getexecutormsg: (stage) => own(stage, 'approved executor'),
  getexecutorbyidmsg: ({ colonyname, who }) => ({
    colonyname,
    executorid: idOf(who('approved executor')),
  }),
  approveexecutormsg: newExecutor,
  rejectexecutormsg: newExecutor,
  removeexecutormsg: newExecutor,
  reportallocationmsg: (stage, kind) => ({ ...own(stage, kind), allocations: {} }),
  updateexecutormsg: (stage, kind) => ({ ...own(stage, kind), capabilities: {} }),
  addfunctionmsg: (stage, kind) => ({ fun: { ...own(stage, kind), funcname: 'f' } }),
  removefunctionmsg: async (stage) => {
    const fun = { ...own(stage, 'approved executor'), funcname: stage.fresh() };
    const { functionid } = await w.as(stage.who('approved executor')).addFunction({ fun });
    return { functionid };
  },
  submitfuncspecmsg: ({ colonyname }) => ({ spec: { conditions: { colonyname } } }),
  assignprocessmsg: async (stage) => {
    await submitted(stage);
    return { colonyname: stage.colonyname, timeout: -1 };
  },
  getprocessmsg: async (stage) => ({ processid: await submitted(stage) }),
  getprocessesmsg: ({ colonyname }) => ({ colonyname, count: 10, state: 0 }),
  getprocesshistmsg: ({ colonyname }) => ({ colonyname, seconds: 10, state: 0 }),
  setoutputmsg: async (stage) => ({ processid: await running(stage), out: ['x'] }),
  closesuccessfulmsg: async (stage) => ({ processid: await running(stage) }),
  closefailedmsg: async (stage) => ({ processid: await running(stage), errors: [] }),
  cancelprocessmsg: async (stage) => ({ processid: await submitted(stage) }),
  removeprocessmsg: async (stage) => ({ processid: await submitted(stage) }),
  removeallprocessesmsg: ({ colonyname }) => ({ colonyname, state: 0 }),
  addattributemsg: async (stage) => ({
    attribute: { targetid: await running(stage), key: 'k', value: 'v', attributetype: 1 },
  }),
  getattributemsg: async (stage) => {
    const processid = await submitted(stage);
    const { attributes } = await w.as(stage.who('user')).getProcess({ processid });
    return { attributeid: attributes[0]?.attributeid };
  },
  addlogmsg: async (stage) => ({ processid: await running(stage), message: 'm' }),
  addexecutorlogmsg: (stage, kind) => ({ ...own(stage, kind), message: 'm' }),
  getlogsmsg: async (stage) => ({
    colonyname: stage.colonyname,
    processid: await submitted(stage),
    count: 1,
  }),
  searchlogsmsg: ({ colonyname }) => ({ colonyname, text: 'x', days: 1, count: 1 }),
  changeuseridmsg: ({ colonyname, fresh }) => ({ colonyname, userid: idOf(fresh()) }),
  changeexecutoridmsg: ({ colonyname, fresh }) => ({ colonyname, executorid: idOf(fresh()) }),
  changecolonyidmsg: ({ colonyname, fresh }) => ({ colonyname, colonyid: idOf(fresh()) }),
  changeserveridmsg: () => ({ serverid: idOf('server') }),
  publishrecordsmsg: () => ({ records: ['AA=='] }),
};

const RANK = /^(Access denied|Empty Colony name|Colony with name <.*> does not exists$)/;

const answered = new Set<string>();

// A reply that succeeded must be what the table says it is, without a field more or less.
const outcome = (type: string, { status, payload }: Answer): string => {
  if (status === 200) {
    answered.add(type);
    expect(OPS_BY_TYPE.get(type)?.reply.parse(payload)).toEqual(payload);
    return 'y';
  }
  return status === 403 && RANK.test(payload.message) ? 'n' : 'o';
};

test('every message of the table is pinned, and no other', () => {
  expect(Object.keys(pinned.messages).sort()).toEqual([...OPS_BY_TYPE.keys()].sort());
  const watches = Object.values({ ...subscriptions }).map(({ type }) => type);
  expect(Object.keys(pinned.subscriptions).sort()).toEqual(watches.sort());
});

test.each(Object.entries(pinned.messages))('%s is for %s', async (type, expected) => {
  const stage = await setUp(type);
  const seen: string[] = [];
  for (const kind of pinned.callers) {
    const fields = await (FIELDS[type] ?? inColony)(stage, kind);
    seen.push(outcome(type, await w.send(stage.who(kind), type, fields)));
  }
  expect(seen.join('')).toBe(expected);
});

test.each(Object.entries(pinned.subscriptions))('%s is for %s', async (type, expected) => {
  const stage = await setUp(type);
  const { elsewhere: _none, ...deps } = w.deps;
  const watching = makeWatching({ ...deps, clock: w.clock });
  const seen: string[] = [];
  for (const kind of pinned.callers) {
    const line = subscriber(watching);
    const named = { processid: await submitted(stage), colonyname: stage.colonyname };
    const fields = { ...named, executortype: 'worker', state: 0, timeout: 100, msgtype: type };
    line.send(w.sealed(stage.who(kind), type, JSON.stringify(fields)));
    // Who may subscribe is told of the next process.
    const frame = await line.first(() => submitted(stage));
    seen.push(frame.error ? outcome(type, { ...frame, status: frame.payload.status }) : 'y');
    line.close();
  }
  expect(seen.join('')).toBe(expected);
});

test('every message that somebody may send was answered once with a reply of its shape', () => {
  const allowed = Object.entries(pinned.messages).flatMap(([type, row]) =>
    row.includes('y') ? [type] : [],
  );
  expect([...answered].sort()).toEqual(allowed.sort());
});
