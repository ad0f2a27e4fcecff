import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Op } from '../../src/api/op.ts';
import { OPS } from '../../src/api/ops/index.ts';
import { sign } from '../../src/node/crypto/sign.ts';
import { answerOf, idOf, keyOf, nowhere, openWorld, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const b64 = (text: string): string => Buffer.from(text).toString('base64');

/** A call with a payload text of any kind, signed as it stands. */
const raw = (payloadtype: string, payload: string, who = 'alice', more: object = {}) =>
  w.post(JSON.stringify({ payloadtype, payload, signature: sign(payload, keyOf(who)), ...more }));

const said = async (call: Promise<{ status: number; payload: { message: string } }>) => {
  const { status, payload } = await call;
  return [status, payload.message];
};

test('a body that is no envelope is told what is wrong with it', async () => {
  const cases: readonly [string, string][] = [
    ['', 'unexpected end of JSON input'],
    ['{', 'invalid character'],
    ['{"payload"', 'unexpected end of JSON input'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['null', 'envelope is null'],
    ['[]', 'envelope: expected an object'],
    ['7', 'envelope: expected an object'],
    ['{"payloadtype":7}', 'envelope: payloadtype: expected a string'],
  ];
  for (const [body, text] of cases) {
    const { status, payload, payloadtype, error } = await w.post(body);
    expect([status, payloadtype, error, payload.status]).toEqual([400, 'error', true, 400]);
    if (body !== '{') expect(payload.message).toBe(text);
  }
});

test('names match in any case, unknown ones are ignored, the last of two wins', async () => {
  const payload = b64(
    '{"ColonyName":"other","COLONYNAME":"dev","MsgType":"getcolonymsg","extra":{"a":[1]}}',
  );
  const signature = sign(payload, keyOf('alice'));
  const answer = await w.post(
    `{"PayloadType":"getcolonymsg","PAYLOAD":"${payload}","Signature":"${signature}","x":1}`,
  );
  expect(answer.payload).toEqual({ colonyid: idOf('dev'), name: 'dev' });
});

test('base64 with line breaks and with text after the padding is read as the original did', async () => {
  const json = '{"msgtype":"getcolonymsg","colonyname":"dev"}';
  const broken = `${b64(json).slice(0, 8)}\r\n${b64(json).slice(8)}`;
  expect((await raw('getcolonymsg', broken)).status).toBe(200);
  const odd = '{"colonyname":"dev", "msgtype":"getcolonymsg"}';
  expect(b64(odd)).toMatch(/[^=]==$/);
  expect((await raw('getcolonymsg', `${b64(odd)}garbage`)).status).toBe(200);
  const cut = b64(odd).replace(/=+$/, '');
  expect(await said(raw('getcolonymsg', cut))).toEqual([400, 'Failed to get colony, invalid JSON']);
});

test('the signature is looked at before the type, the type before the payload', async () => {
  const unsigned = JSON.stringify({ payloadtype: 'nonsense', payload: '!', signature: '' });
  expect(await said(w.post(unsigned))).toEqual([403, 'Invalid signature length']);
  expect(await said(raw('nonsense', '!'))).toEqual([403, 'invalid rpcMsg.PayloadType: nonsense']);
  const [status, text] = await said(raw('', '!'));
  expect(status).toBe(403);
  expect(text).toMatch(/^invalid rpcMsg.PayloadType: empty \(this usually means/);
  expect(await said(raw('subscribeprocessmsg', '!'))).toEqual([
    403,
    'invalid rpcMsg.PayloadType: subscribeprocessmsg',
  ]);
});

test('a bad signature is told as the original told it', async () => {
  const payload = b64('{"msgtype":"getcolonymsg","colonyname":"dev"}');
  const good = sign(payload, keyOf('alice'));
  const call = (signature: string) =>
    said(w.post(JSON.stringify({ payloadtype: 'getcolonymsg', payload, signature })));
  expect(await call(good.slice(1))).toEqual([403, 'encoding/hex: odd length hex string']);
  expect(await call(`zz${good.slice(2)}`)).toEqual([403, "encoding/hex: invalid byte: U+007A 'z'"]);
  expect(await call(good.slice(2))).toEqual([403, 'Invalid signature length']);
  expect((await call(`${good.slice(0, 128)}08`))[0]).toBe(403);
  expect(
    (
      await w.post(
        JSON.stringify({ payloadtype: 'getcolonymsg', payload, signature: good.toUpperCase() }),
      )
    ).status,
  ).toBe(200);
});

test('a payload of another type, or of none, never runs', async () => {
  const json = '{"msgtype":"getusersmsg","colonyname":"dev"}';
  expect(await said(raw('getcolonymsg', b64(json)))).toEqual([
    400,
    'Failed to get colony, msg.MsgType does not match payloadType',
  ]);
  expect(await said(raw('getcolonymsg', b64('{"colonyname":"dev"}')))).toEqual([
    400,
    'Failed to get colony, msg.MsgType does not match payloadType',
  ]);
  expect(await said(raw('getcolonymsg', b64('{"msgtype":7,"colonyname":"dev"}')))).toEqual([
    400,
    'Failed to get colony, invalid JSON',
  ]);
});

test('a wrong field is told with its place', async () => {
  const spec = '{"funcname":"f","priority":1.0,"conditions":{"colonyname":"dev"}}';
  const { status, payload } = await raw(
    'submitfuncspecmsg',
    b64(`{"msgtype":"submitfuncspecmsg","spec":${spec}}`),
  );
  expect(status).toBe(400);
  expect(payload).toEqual({
    status: 400,
    message: 'Failed to submit process, invalid JSON',
    detail: expect.stringContaining('priority'),
  });
});

test('every type refuses a payload that is null, no JSON, or of the wrong shape', async () => {
  for (const one of Object.values<Op>(OPS)) {
    if (one.payloadIgnored) continue;
    for (const text of ['null', '{', '[]', '"x"', '7']) {
      const answer = await raw(one.type, b64(text), 'server');
      expect([one.type, answer.status, answer.payload.message]).toEqual([
        one.type,
        400,
        one.wrong.invalid(''),
      ]);
    }
    const mismatch = await raw(one.type, b64('{"msgtype":"else"}'), 'server');
    expect([mismatch.status, mismatch.payload.message]).toEqual([400, one.wrong.mismatch]);
  }
});

test('the irregular texts are the documented ones', async () => {
  const M = 'msg.MsgType does not match payloadType';
  const odd: Readonly<Record<string, readonly [string, string]>> = {
    submitfuncspecmsg: [
      'Failed to submit process, invalid JSON',
      `Failed to submit process spec, ${M}`,
    ],
    assignprocessmsg: [
      'Failed to assign process, invalid JSON',
      'Failed to assign process, msg.msgType does not match payloadType',
    ],
    getprocesshistmsg: [
      'Failed to get process hist, invalid JSON',
      `Failed to get process history, ${M}`,
    ],
    closesuccessfulmsg: [
      'Failed to close successful, invalid JSON',
      `Failed to close process as successful, ${M}`,
    ],
    closefailedmsg: [
      'Failed to close failed, invalid JSON',
      `Failed to close process as failed, ${M}`,
    ],
    searchlogsmsg: ['Failed to search logs, invalid JSON', `Failed to get logs, ${M}`],
    getstatisticsmsg: [
      'Failed to get statistics, invalid JSON',
      `Failed to get server version, ${M}`,
    ],
    changeuseridmsg: ['Failed to add log, invalid JSON', `Failed to change user Id, ${M}`],
    changeserveridmsg: [
      'Failed to change colony Id, invalid JSON',
      `Failed to change colony Id, ${M}`,
    ],
    getfunctionsmsg: ['Failed to get function, invalid JSON', `Failed to get function, ${M}`],
  };
  for (const one of Object.values<Op>(OPS)) {
    const expected = odd[one.type];
    if (expected) expect([one.wrong.invalid(''), one.wrong.mismatch]).toEqual(expected);
  }
});

test('identical signed messages are answered again and again', async () => {
  const body = w.sealed('alice', 'getusersmsg', '{"colonyname":"dev","msgtype":"getusersmsg"}');
  const first = await w.post(body);
  expect(first.status).toBe(200);
  expect(await w.post(body)).toEqual(first);
});

test('replies escape what HTML would read, and carry the fields in order', async () => {
  await w.as('dev').addUser({ user: { colonyname: 'dev', userid: idOf('x'), name: '<&>\u2028' } });
  const body = w.sealed('alice', 'getusersmsg', '{"colonyname":"dev","msgtype":"getusersmsg"}');
  const reply = await w.dispatch.receive(body, nowhere());
  expect(Object.keys(JSON.parse(reply.body))).toEqual(['payloadtype', 'payload', 'error']);
  const text = Buffer.from(JSON.parse(reply.body).payload, 'base64').toString();
  expect(text).toContain('\\u003c\\u0026\\u003e\\u2028');
  expect(answerOf(200, reply.body).payload[1].name).toBe('<&>\u2028');
});

test('requests are counted by type and status, with one label for unknown types', async () => {
  await raw('getcolonymsg', b64('{"msgtype":"getcolonymsg","colonyname":"dev"}'));
  await raw('made-up', '');
  await raw('made-up-too', '');
  await w.post('{');
  const counted = w.deps.metrics.list();
  expect(counted).toContainEqual({ type: 'getcolonymsg', status: 200, count: 1 });
  expect(counted).toContainEqual({ type: 'unknown', status: 403, count: 2 });
  expect(counted).toContainEqual({ type: 'malformed', status: 400, count: 1 });
  expect(counted.some(({ type }) => type.startsWith('made-up'))).toBe(false);
});

test('a bug is logged with its stack and tells the caller nothing', async () => {
  const broken = {
    ...w.engine.users,
    list: () => {
      throw new Error('secret detail');
    },
  };
  const other = await openWorld();
  const { makeDispatch } = await import('../../src/api/dispatch.ts');
  const dispatch = makeDispatch({
    ...w.deps,
    log: other.deps.log,
    engine: { ...w.engine, users: broken },
  });
  const body = w.sealed('alice', 'getusersmsg', '{"colonyname":"dev","msgtype":"getusersmsg"}');
  const reply = await dispatch.receive(body, nowhere());
  expect(answerOf(reply.status, reply.body).payload).toEqual({
    status: 500,
    message: 'internal error',
  });
  const [line] = other.complaints();
  expect(line).toMatchObject({ level: 'error', fields: { type: 'getusersmsg' } });
  const logged = line?.fields['error'];
  expect(logged instanceof Error && logged.stack).toContain('secret detail');
  await other.close();
});

test('an answer that no text can hold is refused with what to do', async () => {
  const { makeDispatch } = await import('../../src/api/dispatch.ts');
  const list = () => [{ colony: 1, id: '', name: '', email: '', phone: 'x'.repeat(2 ** 30) }];
  const users = { ...w.engine.users, list };
  const dispatch = makeDispatch({ ...w.deps, engine: { ...w.engine, users } });
  const body = w.sealed('alice', 'getusersmsg', '{"colonyname":"dev","msgtype":"getusersmsg"}');
  const reply = await dispatch.receive(body, nowhere());
  expect(answerOf(reply.status, reply.body).payload).toEqual({
    status: 413,
    message: 'the answer is too large to be sent; ask for less at once',
  });
  expect(w.complaints()).toEqual([]);
});
