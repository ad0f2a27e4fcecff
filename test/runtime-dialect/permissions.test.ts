// Every message of 2022 against every kind of caller, pinned independently of the operation table by
// permissions.json, which is written by hand from the protocol document.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { runtimeDialect } from '../../src/api/runtime-dialect/dialect.ts';
import { makeWatching } from '../../src/api/ws.ts';
import { subscriber } from '../support/frames.ts';
import { idOf, nowhere, openWorld, type World } from '../support/world.ts';
import pinned from './permissions.json' with { type: 'json' };

let w: World;
beforeAll(async () => {
  w = await openWorld();
  await w.colony('elsewhere');
  await w.executor('foreign', 'elsewhere');
});
afterAll(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

type Kind = (typeof pinned.callers)[number];

/** Everything sent from here is meant in words of 2022, also where it does not say so itself. */
const send = (who: string, type: string, fields: object) =>
  w.send(who, type, fields, {
    ...nowhere(),
    connection: new Map([[idOf(who), 'runtime']]),
  });

/** A call that has to succeed. */
const done = async (who: string, type: string, fields: object) => {
  const { status, payload } = await send(who, type, fields);
  expect([type, status, payload?.message]).toEqual([type, 200, undefined]);
  return payload;
};

/** A colony of its own for one message, with one identity of every kind. */
interface Stage {
  readonly colony: string;
  readonly colonyid: string;
  who(kind: Kind): string;
  fresh(): string;
  /** A new runtime that waits for approval; gives its id. */
  runtime(name: string): Promise<string>;
}

const setUp = async (type: string): Promise<Stage> => {
  const colony = `colony of ${type}`;
  const colonyid = idOf(colony);
  const who = (kind: Kind): string => {
    if (kind === 'server owner') return 'server';
    if (kind === 'colony owner') return colony;
    return kind === 'runtime of another colony' ? 'foreign' : `${kind} for ${type}`;
  };
  await done('server', 'addcolonymsg', { colony: { colonyid, name: colony } });
  await w.user(who('user'), colony);
  const runtime = async (name: string): Promise<string> => {
    const runtimeid = idOf(name);
    const added = { runtimeid, name, colonyid, runtimetype: 'worker' };
    await done(colony, 'addruntimemsg', { runtime: added });
    return runtimeid;
  };
  for (const [kind, change] of [
    ['assigned runtime', 'approveruntimemsg'],
    ['another approved runtime', 'approveruntimemsg'],
    ['pending runtime', undefined],
    ['rejected runtime', 'rejectruntimemsg'],
    ['deleted runtime', 'deleteruntimemsg'],
  ] as const) {
    const runtimeid = await runtime(who(kind));
    if (change !== undefined) await done(colony, change, { runtimeid });
  }
  let n = 0;
  const fresh = (): string => {
    n += 1;
    return `${type} ${n}`;
  };
  return { colony, colonyid, who, fresh, runtime };
};

const submitted = async ({ colonyid, who }: Stage): Promise<string> => {
  const spec = { cmd: 'c', env: { KEY: 'v' }, conditions: { colonyid, runtimetype: 'worker' } };
  return (await done(who('assigned runtime'), 'submitprocessespecmsg', { spec })).processid;
};

const running = async (stage: Stage): Promise<string> => {
  const processid = await submitted(stage);
  const { colonyid, who } = stage;
  const taken = await done(who('assigned runtime'), 'assignprocessmsg', { colonyid });
  expect(taken.processid).toBe(processid);
  return processid;
};

type Fields = object | Promise<object>;
const inColony = ({ colonyid }: Stage): Fields => ({ colonyid });
const ofRuntime = async ({ runtime, fresh }: Stage): Promise<object> => ({
  runtimeid: await runtime(fresh()),
});
const waiting = async (stage: Stage): Promise<object> => ({ processid: await submitted(stage) });
const assigned = async (stage: Stage): Promise<object> => ({ processid: await running(stage) });

/** The fields of a message that would succeed if its caller may send it. */
const FIELDS: Readonly<Record<string, (stage: Stage) => Fields>> = {
  addcolonymsg: ({ fresh }) => {
    const name = fresh();
    return { colony: { name, colonyid: idOf(name) } };
  },
  deletecolonymsg: async ({ fresh }) => {
    const name = fresh();
    await w.colony(name);
    return { colonyid: idOf(name) };
  },
  addruntimemsg: ({ colonyid, fresh }) => {
    const name = fresh();
    return { runtime: { runtimeid: idOf(name), name, colonyid } };
  },
  getruntimemsg: ({ who }) => ({ runtimeid: idOf(who('assigned runtime')) }),
  approveruntimemsg: ofRuntime,
  rejectruntimemsg: ofRuntime,
  deleteruntimemsg: ofRuntime,
  submitprocessespecmsg: ({ colonyid }) => ({ spec: { conditions: { colonyid } } }),
  assignprocessmsg: async (stage) => {
    await submitted(stage);
    return { colonyid: stage.colonyid };
  },
  getprocesshistmsg: ({ colonyid }) => ({ colonyid, seconds: 10, state: 0 }),
  getprocessesmsg: ({ colonyid }) => ({ colonyid, count: 10, state: 0 }),
  getprocessmsg: waiting,
  deleteprocessmsg: waiting,
  closesuccessfulmsg: assigned,
  closefailedmsg: assigned,
  addattributemsg: async (stage) => ({
    attribute: { targetid: await running(stage), key: 'k', value: 'v', attributetype: 1 },
  }),
  getattributemsg: async (stage) => {
    const processid = await submitted(stage);
    const process = await done(stage.who('assigned runtime'), 'getprocessmsg', { processid });
    return { attributeid: process.attributes[0]?.attributeid };
  },
};

test('every message of 2022 is pinned, and no other', () => {
  expect(Object.keys(pinned.messages).sort()).toEqual([...runtimeDialect.ops.keys()].sort());
  expect(Object.keys(pinned.subscriptions).sort()).toEqual(
    [...runtimeDialect.watches.keys()].sort(),
  );
});

test.each(Object.entries(pinned.messages))('%s is for %s', async (type, expected) => {
  const stage = await setUp(type);
  const seen: string[] = [];
  for (const kind of pinned.callers) {
    const fields = await (FIELDS[type] ?? inColony)(stage);
    const { status, payload } = await send(stage.who(kind), type, fields);
    if (status === 200) {
      expect(runtimeDialect.ops.get(type)?.reply.parse(payload)).toEqual(payload);
    }
    seen.push(status === 200 ? 'y' : status === 403 ? 'n' : `${status} ${payload.message}`);
  }
  expect(seen.join('')).toBe(expected);
});

/** A process in the colony of the stage, then one in another. */
const submittedIn = async (stage: Stage, other: string): Promise<void> => {
  await submitted(stage);
  const spec = { conditions: { colonyid: idOf(other), runtimetype: 'worker' } };
  await done('foreign', 'submitprocessespecmsg', { spec });
};

test.each(Object.entries(pinned.subscriptions))('%s is for %s', async (type, expected) => {
  const stage = await setUp(type);
  const { elsewhere: _none, ...deps } = w.deps;
  const watching = makeWatching({ ...deps, clock: w.clock });
  const seen: string[] = [];
  for (const kind of pinned.callers) {
    const who = stage.who(kind);
    const processid = await submitted(stage);
    const line = subscriber(watching);
    const fields = { processid, runtimetype: 'worker', state: 0, timeout: 100, msgtype: type };
    line.send(w.sealed(who, type, JSON.stringify(fields)), { [idOf(who)]: 'runtime' });
    // Who may subscribe is told of the next process.
    const { error, payload } = await line.first(() => submittedIn(stage, 'elsewhere'));
    if (error) seen.push(payload.status === 403 ? 'n' : `${payload.status} ${payload.message}`);
    else seen.push(payload.spec.conditions.colonyid === stage.colonyid ? 'y' : '.');
    line.close();
  }
  expect(seen.join('')).toBe(expected);
});
