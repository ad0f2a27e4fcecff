// Which calls of a client are protected against replays, and with what.

import { describe, expect, test } from 'vitest';
import { makeProtection } from '../../src/api/client/protection.ts';
import type { Op } from '../../src/api/op.ts';
import { OPS } from '../../src/api/ops/index.ts';
import { READS } from '../../src/cli/rpc.ts';

const ID = 'ab'.repeat(32);
const SERVER = 'cd'.repeat(32);

const refusal = (time: number, server = SERVER): string => {
  const payload = { status: 403, message: 'audience', server, time };
  const base64 = Buffer.from(JSON.stringify(payload)).toString('base64');
  return JSON.stringify({ payloadtype: 'error', payload: base64, error: true });
};

const write = (fields: object) => ({ fields, mutating: true });

const protectionAt = (wallMs: number) => {
  let steady = 5_000;
  const clock = { wallMs: () => wallMs, steadyMs: () => steady };
  const passes = (ms: number): void => {
    steady += ms;
  };
  return { ...makeProtection(clock), passes };
};

describe('a message that names no colony by its id is sent as it is', () => {
  test.each([
    [{}],
    [{ colonyname: 'dev' }],
    [{ processid: ID }],
    [{ spec: { funcname: 'f', args: [{ colonyname: ID }], conditions: { colonyname: 'dev' } } }],
    [{ executor: { executorid: ID, colonyname: 'dev' } }],
    // Added to this very server, which nobody can do elsewhere.
    [{ colony: { colonyid: ID, name: 'dev' } }],
  ])('%j', (message) => {
    expect(protectionAt(7_000).fields(write(message))).toEqual({});
  });
});

describe('one that does carries a nonce and a time', () => {
  test.each([
    [{ colonyname: ID }],
    [{ colonyid: ID, timeout: 10 }],
    [{ spec: { funcname: 'f', conditions: { colonyname: ID } } }],
    [{ spec: { cmd: 'f', conditions: { colonyid: ID } } }],
    [{ executor: { executorid: SERVER, colonyname: ID } }],
    [{ runtime: { runtimeid: SERVER, colonyid: ID } }],
    [{ attribute: { targetid: SERVER, targetcolonyid: ID } }],
  ])('%j', (message) => {
    expect(protectionAt(7_000.4).fields(write(message))).toEqual({
      nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
      issuedat: 7_000,
    });
  });
});

test('so does every later call, for a process may be where its colony is', () => {
  const protection = protectionAt(7_000);
  const first = protection.fields(write({ colonyname: ID }));
  const second = protection.fields(write({ processid: SERVER }));
  expect(second).toHaveProperty('nonce');
  expect(second['nonce']).not.toBe(first['nonce']);
});

test('after a refusal calls name the server and keep its time', () => {
  const protection = protectionAt(7_000);
  protection.fields(write({ colonyname: ID }));
  expect(protection.isDemandedBy(refusal(900_000))).toBe(true);
  protection.passes(250);
  expect(protection.fields(write({ processid: SERVER }))).toMatchObject({
    issuedat: 900_250,
    audience: SERVER,
  });
  // Any host may answer what only reads.
  const read = protection.fields({ fields: {}, mutating: false });
  expect(read).toEqual({ nonce: expect.anything(), issuedat: 900_250 });
  expect(protection.isDemandedBy('{"payload":"e30=","error":true}')).toBe(false);
});

describe('a server that cannot take the call', () => {
  const BUSY = { status: 503, body: '{}' };
  const DONE = { status: 200, body: '{}' };
  const GONE = { status: 0, body: '' };
  const refusalBy = (server: string) => ({ status: 403, body: refusal(900_000, server) });

  const sendTo = async (answers: readonly { status: number; body: string }[]) => {
    const protection = protectionAt(7_000);
    const audiences: (string | undefined)[] = [];
    const left = [refusalBy(SERVER), DONE, ...answers];
    const call = () =>
      protection.exchange(write({ colonyname: ID }), async ({ nonce, audience }) => {
        expect(nonce).toBeDefined();
        audiences.push(audience);
        const answer = left.shift() ?? DONE;
        if (answer === GONE) throw new Error('connection refused');
        return answer;
      });
    await call();
    const { status } = await call();
    return { status, audiences: audiences.slice(2) };
  };

  test('is replaced by the one that answers for the colony now', async () => {
    expect(await sendTo([BUSY, refusalBy(ID), DONE])).toEqual({
      status: 200,
      audiences: [SERVER, undefined, ID],
    });
  });

  test('is believed when it still answers for the colony', async () => {
    const asked = { status: 503, audiences: [SERVER, undefined] };
    expect(await sendTo([BUSY, refusalBy(SERVER)])).toEqual(asked);
    expect(await sendTo([BUSY, BUSY])).toEqual(asked);
    expect(await sendTo([BUSY, GONE])).toEqual(asked);
  });
});

test('the command line knows which messages change something', () => {
  const reads = Object.values<Op>(OPS).filter(({ kind }) => kind === 'read');
  const others = Object.values<Op>(OPS).filter(({ kind }) => kind !== 'read');
  expect(others.filter(({ type }) => READS.test(type))).toEqual([]);
  expect(reads.map(({ type }) => type).filter((type) => !READS.test(type))).toEqual([]);
});
