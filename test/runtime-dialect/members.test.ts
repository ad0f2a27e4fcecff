// Colonies and runtimes in the words of 2022: who may do what, and what a refusal says.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { id, key, openWorld, signed, WHO, type World } from './world.ts';

const { server, colony, other, r1, r2, foreign, stranger } = WHO;
const UNKNOWN = 'f'.repeat(64);

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(() => w.close());

const refused = async (status: number, message: string, ...call: Parameters<World['call']>) => {
  const answer = await w.call(...call);
  expect([answer.status, answer.message, answer.payloadtype]).toEqual([status, message, 'error']);
  expect(answer.payload.status).toBe(status);
};

const notOwner = 'RecoveredID does not match Colony Id';
const notServer = 'RecoveredID does not match Server Id';

describe('colonies', () => {
  test('only the server owner adds, lists and deletes them', async () => {
    const added = { colonyid: id(8), name: 'new' };
    expect(await w.ok(server, 'addcolonymsg', { colony: added })).toEqual(added);
    expect(await w.ok(server, 'getcoloniesmsg')).toContainEqual(added);
    expect(await w.ok(server, 'deletecolonymsg', { colonyid: id(8) })).toEqual({});
    expect(await w.ok(server, 'getcoloniesmsg')).not.toContainEqual(added);
    for (const who of [colony, r1, stranger]) {
      await refused(403, notServer, who, 'deletecolonymsg', { colonyid: id(colony) });
    }
  });

  test('deleting an unknown one is no error, and a name is not an id', async () => {
    expect(await w.ok(server, 'deletecolonymsg', { colonyid: UNKNOWN })).toEqual({});
    expect(await w.ok(server, 'deletecolonymsg', { colonyid: 'dev' })).toEqual({});
    expect(await w.ok(server, 'getcoloniesmsg')).toHaveLength(2);
  });

  test('is read with the key of an approved runtime, not with its own', async () => {
    const dev = { colonyid: id(colony), name: 'dev' };
    expect(await w.ok(r1, 'getcolonymsg', { colonyid: id(colony) })).toEqual(dev);
    const member = (who: number) =>
      `Runtime with Id <${id(who)}> is not a member of Colony with Id <${id(colony)}>`;
    for (const who of [colony, server, stranger]) {
      const text = `${member(who)} (Runtime does not exist)`;
      await refused(403, text, who, 'getcolonymsg', { colonyid: id(colony) });
    }
    const text = `${member(foreign)}, (Recovered Id and Colony Id missmatches)`;
    await refused(403, text, foreign, 'getcolonymsg', { colonyid: id(colony) });
  });

  test('an unknown one is refused as such', async () => {
    const text = `Colony <${UNKNOWN}> does not exists`;
    await refused(403, text, r1, 'getcolonymsg', { colonyid: UNKNOWN });
    const spec = w.spec({}, { colonyid: UNKNOWN });
    await refused(403, text, r1, 'submitprocessespecmsg', spec);
    await refused(403, 'Colony <> does not exists', r1, 'submitprocessespecmsg', { spec: {} });
  });

  test('every one of its messages fails after it was deleted', async () => {
    await w.ok(server, 'deletecolonymsg', { colonyid: id(colony) });
    const text = `Colony <${id(colony)}> does not exists`;
    await refused(403, text, r1, 'assignprocessmsg', { colonyid: id(colony) });
    await refused(403, text, colony, 'getprocstatmsg', { colonyid: id(colony) });
  });
});

describe('registering a runtime', () => {
  test('gives it back pending, with the server’s own times', async () => {
    const sample = {
      runtimeid: id(9),
      runtimetype: 'my_runtime_type',
      name: 'hal9000',
      colonyid: id(colony),
      cpu: 'Illinois Automatic Computer',
      cores: 1_000_000,
      mem: 10_000_000,
      gpu: 'ILLIAC III',
      gpus: 10_000_000,
    };
    const runtime = {
      ...sample,
      state: 1,
      commissiontime: '2001-01-01T00:00:00Z',
      lastheardfromtime: '2001-01-01T00:00:00Z',
    };
    const added = await w.ok(colony, 'addruntimemsg', { runtime });
    expect(added).toEqual({
      ...sample,
      state: 0,
      commissiontime: expect.stringMatching(/^2030-01-01T00:00:00\.\d{1,6}Z$/),
      lastheardfromtime: '0001-01-01T00:00:00Z',
    });
    expect(Object.keys(added).slice(0, 4)).toEqual(
      'runtimeid runtimetype name colonyid'.split(' '),
    );
  });

  test('is for the owner of its colony only', async () => {
    const runtime = { runtimeid: id(9), colonyid: id(colony) };
    for (const who of [other, server, r1, stranger]) {
      await refused(403, notOwner, who, 'addruntimemsg', { runtime });
    }
    await refused(400, 'runtime is nil', colony, 'addruntimemsg');
    await refused(400, 'runtime is nil', colony, 'addruntimemsg', { runtime: null });
    const nowhere = { runtimeid: id(9), colonyid: id(stranger) };
    const text = `Colony <${id(stranger)}> does not exists`;
    await refused(403, text, stranger, 'addruntimemsg', { runtime: nowhere });
  });

  test('an id that the colony has is refused in the words of the database', async () => {
    const runtime = { runtimeid: id(r1), colonyid: id(colony), name: 'again' };
    const text = 'pq: duplicate key value violates unique constraint "prod_runtimes_pkey"';
    await refused(400, text, colony, 'addruntimemsg', { runtime });
  });

  test('names need not be unique: clients of today see another name', async () => {
    const first = await w.addRuntime(colony, 10, { name: 'same' });
    const second = await w.addRuntime(colony, 11, { name: 'same' });
    expect([first.name, second.name]).toEqual(['same', 'same']);
    const executors = await w.ok(r1, 'getexecutorsmsg', { colonyname: 'dev' });
    const names = executors.map((e: { executorname: string }) => e.executorname);
    expect(names).toContain('same');
    expect(names).toContain(`same-${id(11).slice(0, 8)}`);
  });

  test.each([
    ['cores', 3_000_000_000],
    ['cores', 1.5],
    ['name', 7],
    ['commissiontime', 'yesterday'],
  ])('a %s of %j is refused', async (field, value) => {
    const runtime = { runtimeid: id(9), colonyid: id(colony), [field]: value };
    const answer = await w.call(colony, 'addruntimemsg', { runtime });
    expect(answer.status).toBe(400);
    expect(answer.message).toContain(`runtime.${field}: `);
  });
});

describe('approving, rejecting and deleting runtimes', () => {
  const CHANGES = ['approveruntimemsg', 'rejectruntimemsg', 'deleteruntimemsg'];

  test.each(CHANGES)('%s is for the owner of its colony only', async (type) => {
    for (const who of [r1, r2, other, foreign, server, stranger]) {
      await refused(403, notOwner, who, type, { runtimeid: id(r1) });
    }
    await refused(404, 'runtime is nil', colony, type, { runtimeid: UNKNOWN });
    expect(await w.ok(colony, type, { runtimeid: id(r1) })).toEqual({});
  });

  test('any change is allowed again and again', async () => {
    const stateOf = async () =>
      (await w.ok(r2, 'getruntimemsg', { runtimeid: id(r1) })).state as number;
    const states: number[] = [];
    for (const type of ['reject', 'reject', 'approve', 'approve', 'reject', 'approve']) {
      await w.ok(colony, `${type}runtimemsg`, { runtimeid: id(r1) });
      states.push(await stateOf());
    }
    expect(states).toEqual([2, 2, 1, 1, 2, 1]);
  });

  test('a rejected one may list but not work', async () => {
    await w.ok(colony, 'rejectruntimemsg', { runtimeid: id(r1) });
    const text = `Runtime with Id <${id(r1)}> is not approved`;
    await refused(403, text, r1, 'assignprocessmsg', { colonyid: id(colony) });
    expect(await w.ok(r1, 'getruntimesmsg', { colonyid: id(colony) })).toHaveLength(2);
  });

  test('a deleted one is gone, for others and for itself', async () => {
    await w.ok(colony, 'deleteruntimemsg', { runtimeid: id(r1) });
    await refused(404, 'runtime is nil', r2, 'getruntimemsg', { runtimeid: id(r1) });
    await refused(404, 'runtime is nil', colony, 'approveruntimemsg', { runtimeid: id(r1) });
    expect(await w.ok(r2, 'getruntimesmsg', { colonyid: id(colony) })).toHaveLength(1);
    const who = `Runtime with Id <${id(r1)}> is not a member of Colony with Id <${id(colony)}>`;
    const text = `${who} (Runtime does not exist)`;
    await refused(403, text, r1, 'assignprocessmsg', { colonyid: id(colony) });
    await w.addRuntime(colony, r1);
    await w.approve(colony, r1);
    expect((await w.assign(r1)).empty).toBe(true);
  });

  test('what a deleted one runs returns to the queue', async () => {
    const { processid } = await w.submit(r1);
    await w.assign(r1);
    await w.ok(colony, 'deleteruntimemsg', { runtimeid: id(r1) });
    expect((await w.assign(r2)).payload.processid).toBe(processid);
  });

  test('an id in two colonies is the one where the caller has a say', async () => {
    await w.addRuntime(other, r1, { name: 'squatter' });
    await w.ok(colony, 'rejectruntimemsg', { runtimeid: id(r1) });
    expect((await w.ok(r2, 'getruntimemsg', { runtimeid: id(r1) })).state).toBe(2);
    await w.approve(other, r1);
    const seen = await w.ok(foreign, 'getruntimemsg', { runtimeid: id(r1) });
    expect([seen.name, seen.state]).toEqual(['squatter', 1]);
  });
});

describe('reading runtimes', () => {
  test('listing is for the owner and for members in any state, of this colony', async () => {
    await w.addRuntime(colony, 9);
    for (const who of [colony, r1, 9]) {
      const ids = (await w.ok(who, 'getruntimesmsg', { colonyid: id(colony) })).map(
        (runtime: { runtimeid: string }) => runtime.runtimeid,
      );
      expect(ids).toEqual([id(r1), id(r2), id(9)]);
    }
    for (const who of [other, foreign, server, stranger]) {
      await refused(403, notOwner, who, 'getruntimesmsg', { colonyid: id(colony) });
    }
  });

  test('a list of none is an empty list', async () => {
    await w.addColony(12, 'empty');
    expect(await w.ok(12, 'getruntimesmsg', { colonyid: id(12) })).toEqual([]);
  });

  test('getting one is for approved members only', async () => {
    await w.addRuntime(colony, 9);
    expect((await w.ok(r2, 'getruntimemsg', { runtimeid: id(r1) })).name).toBe(`runtime ${r1}`);
    const text = `Runtime with Id <${id(9)}> is not approved`;
    await refused(403, text, 9, 'getruntimemsg', { runtimeid: id(9) });
    for (const who of [colony, foreign]) {
      expect((await w.call(who, 'getruntimemsg', { runtimeid: id(r1) })).status).toBe(403);
    }
    await refused(404, 'runtime is nil', stranger, 'getruntimemsg', { runtimeid: UNKNOWN });
  });

  test('the last sign of life moves with an assign call, even an empty one', async () => {
    const heard = async () =>
      (await w.ok(r2, 'getruntimemsg', { runtimeid: id(r1) })).lastheardfromtime as string;
    expect((await w.assign(r1)).empty).toBe(true);
    const before = await heard();
    w.clock.advance(5000);
    await w.assign(r1);
    expect((await heard()) > before).toBe(true);
  });

  test('a silent one stays a member, unlike a silent executor', async () => {
    const executor = { executorid: id(9), executorname: 'today', colonyname: 'dev' };
    await w.ok(colony, 'addexecutormsg', { executor });
    await w.ok(colony, 'approveexecutormsg', { colonyname: 'dev', executorname: 'today' });
    await w.call(9, 'assignprocessmsg', { colonyname: 'dev', timeout: -1 });
    await w.assign(r1);
    w.clock.advance(3_600_000);
    await w.pass(1);
    const names = (await w.ok(r1, 'getruntimesmsg', { colonyid: id(colony) })).map(
      (runtime: { name: string }) => runtime.name,
    );
    expect(names).toEqual([`runtime ${r1}`, `runtime ${r2}`]);
  });

  test('a user of today is no member in the words of 2022', async () => {
    const user = { colonyname: 'dev', userid: id(9), name: 'u', email: '', phone: '' };
    await w.ok(colony, 'addusermsg', { user });
    expect((await w.ok(9, 'getcolonymsg', { colonyname: 'dev' })).name).toBe('dev');
    const answer = await w.call(9, 'getcolonymsg', { colonyid: id(colony) });
    expect([answer.status, answer.message]).toEqual([
      403,
      `Runtime with Id <${id(9)}> is not a member of Colony with Id <${id(colony)}> (Runtime does not exist)`,
    ]);
  });
});

describe('payloads that cannot be read', () => {
  const raw = (type: string, json: string) => w.post(signed(key(r1), type, json));

  test.each([
    ['getprocstatmsg', 'msg.MsgType does not match payloadType'],
    ['assignprocessmsg', 'msg.msgType does not match payloadType'],
  ])('msgtype of %s has to be the payload type', async (type, text) => {
    for (const msgtype of ['other', '', null]) {
      const json = JSON.stringify({ colonyid: id(colony), msgtype });
      const answer = await raw(type, json);
      expect([answer.status, answer.message]).toEqual([400, text]);
    }
  });

  test.each([
    ['null', 'failed to parse JSON'],
    ['', 'unexpected end of JSON input'],
    ['{"runtimeid":', 'unexpected end of JSON input'],
    ['{"runtimeid":7,"msgtype":"getruntimemsg"}', 'runtimeid: expected a string'],
    ['[]', 'expected an object'],
  ])('%s is refused', async (json, text) => {
    const answer = await raw('getruntimemsg', json);
    expect([answer.status, answer.message]).toEqual([400, text]);
  });

  test('a bad signature is refused in the words of 2022', async () => {
    const body = JSON.parse(signed(key(r1), 'getruntimemsg', '{}'));
    const post = (signature: string) => w.post(JSON.stringify({ ...body, signature }));
    const one = '1'.padStart(64, '0');
    expect((await post('')).message).toBe('Invalid signature length');
    expect((await post(`${'0'.repeat(64)}${one}00`)).message).toBe(
      'Failed to recover public key: signature R is 0',
    );
    const five = '5'.padStart(64, '0');
    const answer = await post(`${five}${one}00`);
    expect([answer.status, answer.message]).toEqual([
      403,
      'Failed to recover public key: invalid square root',
    ]);
  });

  test('names of fields match in any case, unknown fields and null are ignored', async () => {
    const json = `{"ColonyID":"${id(colony)}","x":1,"MsgType":"getruntimesmsg","state":null}`;
    expect((await raw('getruntimesmsg', json)).payload).toHaveLength(2);
  });
});

describe('the version', () => {
  test('needs no signature', async () => {
    const payload = Buffer.from('{"msgtype":"versionmsg"}').toString('base64');
    const answer = await w.post(JSON.stringify({ payloadtype: 'versionmsg', payload }));
    expect(answer.payload).toEqual({
      buildversion: 'v1',
      buildtime: '2022-05-25T00:00:00Z',
      msgtype: 'versionmsg',
    });
  });
});
