// How long a text in a message may be: every field of every message of both dialects has a bound, or
// is listed here as a value that only the body bounds.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Call, Op, Watch } from '../../src/api/op.ts';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import * as subscriptions from '../../src/api/ops/subscriptions.ts';
import { RUNTIME_OPS, RUNTIME_WATCHES } from '../../src/api/runtime-dialect/dialect.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { openWorld, type World } from '../support/world.ts';

interface Shape {
  readonly type?: string;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** The texts of a shape by path; lists are `[]`. Maps have no shape: theirs are tried below. */
function* textsOf(shape: Shape, path: readonly string[] = []): Generator<[string[], Shape]> {
  if (shape.type === 'string') yield [[...path], shape];
  for (const one of shape.anyOf ?? []) yield* textsOf(one, path);
  if (shape.items) yield* textsOf(shape.items, [...path, '[]']);
  for (const [name, of] of Object.entries(shape.properties ?? {})) {
    yield* textsOf(of, [...path, name]);
  }
}

const shapeOf = ({ msg }: Call): Shape =>
  z.toJSONSchema(msg, { unrepresentable: 'any', reused: 'inline' }) as Shape;

/** The message in which only the text at this path is set. */
const holding = (path: readonly string[], text: string): unknown => {
  const [first, ...rest] = path;
  if (first === undefined) return text;
  return first === '[]' ? [holding(rest, text)] : { [first]: holding(rest, text) };
};

/** Times are as long as times are; the others are values of any length. */
const UNBOUNDED = [
  'addattributemsg attribute.value',
  'addexecutorlogmsg message',
  'addexecutormsg executor.commissiontime',
  'addexecutormsg executor.lastheardfromtime',
  'addlogmsg message',
  'closefailedmsg errors.[]',
  'publishrecordsmsg records.[]',
  'setnodecertificatemsg certificate',
];
const UNBOUNDED_2022 = [
  'addattributemsg attribute.value',
  'addruntimemsg runtime.commissiontime',
  'addruntimemsg runtime.lastheardfromtime',
  'submitprocessespecmsg spec.args.[]',
];

const DIALECTS = {
  executor: { ops: [...OPS_BY_TYPE.values()], unbounded: UNBOUNDED },
  runtime: { ops: Object.values<Op>(RUNTIME_OPS), unbounded: UNBOUNDED_2022 },
} as const;
const WATCHES: readonly Watch[] = [
  ...Object.values<Watch>({ ...subscriptions }),
  ...Object.values<Watch>(RUNTIME_WATCHES),
];

const RANGE = 'spec.conditions.mem: value is out of range for type integer';
const HUGE = 'x'.repeat(2 ** 20);

let w: World;
beforeAll(async () => {
  w = await openWorld();
  await w.settle();
});
afterAll(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

describe.each(Object.entries(DIALECTS))('the %s dialect', (_name, { ops, unbounded }) => {
  test('has a bound for every text that is no value', () => {
    const free = ops.flatMap((op) =>
      [...textsOf(shapeOf(op))]
        .filter(([, { maxLength }]) => maxLength === undefined)
        .map(([path]) => `${op.type} ${path.join('.')}`),
    );
    expect(free.sort()).toEqual(unbounded);
  });

  test('refuses a text of a megabyte with its place and its bound', () => {
    let tried = 0;
    for (const op of ops) {
      for (const [path, { maxLength }] of textsOf(shapeOf(op))) {
        if (maxLength === undefined) continue;
        tried += 1;
        const parse = (text: string) => op.msg.safeParse(holding(path, text)).success;
        expect([op.type, path, parse('x'.repeat(maxLength + 1))]).toEqual([op.type, path, false]);
        // Whatever else may be wrong with it, its length is not.
        const longest = op.msg.safeParse(holding(path, 'x'.repeat(maxLength)));
        expect(longest.error?.message ?? '').not.toContain('characters');
      }
    }
    expect(tried).toBeGreaterThan(30);
  });
});

test('subscriptions have a bound for every text', () => {
  const texts = WATCHES.flatMap((watch) => [...textsOf(shapeOf(watch))]);
  expect(texts.length).toBeGreaterThan(5);
  for (const [path, { maxLength }] of texts) {
    expect([path, maxLength]).toEqual([path, LIMITS.nameLengthMax]);
  }
});

const NAMES = { colonyname: 'dev', executortype: 'worker' };
const CASES: readonly (readonly [type: string, fields: object, place: string])[] = [
  ['submitfuncspecmsg', { spec: { label: HUGE, conditions: NAMES } }, 'spec.label'],
  ['submitfuncspecmsg', { spec: { funcname: HUGE, conditions: NAMES } }, 'spec.funcname'],
  ['submitfuncspecmsg', { spec: { env: { [HUGE]: '' }, conditions: NAMES } }, 'spec.env'],
  ['submitfuncspecmsg', { spec: { kwargs: { [HUGE]: 1 }, conditions: NAMES } }, 'spec.kwargs'],
  ['submitfuncspecmsg', { spec: { channels: ['a', HUGE] } }, 'spec.channels.1'],
  [
    'submitfuncspecmsg',
    { spec: { conditions: { ...NAMES, executornames: [HUGE] } } },
    'spec.conditions.executornames.0',
  ],
  ['submitfuncspecmsg', { spec: { fs: { dirs: [{ dir: HUGE }] } } }, 'spec.fs.dirs.0.dir'],
  ['addattributemsg', { attribute: { key: HUGE } }, 'attribute.key'],
  ['addexecutormsg', { executor: { capabilities: { hardware: { cpu: HUGE } } } }, 'executor.capab'],
  ['reportallocationmsg', { allocations: { projects: { [HUGE]: {} } } }, 'allocations.projects'],
  ['getcolonymsg', { colonyname: HUGE }, 'colonyname'],
  ['searchlogsmsg', { colonyname: 'dev', text: HUGE }, 'text'],
  ['submitprocessespecmsg', { spec: { cmd: HUGE } }, 'spec.cmd'],
  ['submitprocessespecmsg', { spec: { conditions: { runtimeids: [HUGE] } } }, 'spec.conditions.r'],
  ['addruntimemsg', { runtime: { name: HUGE } }, 'runtime.name'],
];

test.each(CASES.map(([type, fields, place]) => [type, place, fields] as const))(
  '%s with a huge %s is told what is too long',
  async (type, place, fields) => {
    const before = w.engine.server.statistics();
    const { status, payload } = await w.send('alice', type, fields);
    expect(status).toBe(400);
    expect(payload.message).toMatch(/^[\w.]+: expected at most [\d]+ characters, not 1048576$/);
    expect(payload.message).toContain(place);
    expect(payload.detail).toBe(payload.message);
    expect(w.engine.server.statistics()).toEqual(before);
  },
);

test('too many entries are told likewise', async () => {
  const channels = Array.from({ length: LIMITS.listEntriesMax + 1 }, String);
  const { status, payload } = await w.send('alice', 'submitfuncspecmsg', { spec: { channels } });
  expect([status, payload.message]).toEqual([
    400,
    `spec.channels: expected at most ${LIMITS.listEntriesMax} entries`,
  ]);
});

test('a number out of range is of the wrong type, told in the words of the call', async () => {
  const walltime = 2n ** 63n;
  const call = await w.send('alice', 'submitfuncspecmsg', { spec: { conditions: { walltime } } });
  expect([call.status, call.payload.message, call.payload.detail]).toEqual([
    400,
    'Failed to submit process, invalid JSON',
    'spec.conditions.walltime: expected a 64-bit integer',
  ]);
  const conditions = { mem: 2 ** 31 };
  const old = await w.send('alice', 'submitprocessespecmsg', { spec: { conditions } });
  expect([old.status, old.payload.message]).toEqual([400, RANGE]);
});

test('values may be as long as a body holds', async () => {
  const long = 'x'.repeat(3 * 2 ** 20);
  const spec = { args: [long], kwargs: { long }, env: { LONG: long } };
  const { processid } = await w.submit('alice', spec);
  expect((await w.as('alice').getProcess({ processid })).spec.env).toEqual({ LONG: long });
});

test('an unknown payload type of a megabyte is not told back whole', async () => {
  const { status, payload } = await w.send('alice', HUGE);
  expect([status, payload.message.length < 200]).toEqual([403, true]);
});

test('a message that only asks is small, and is refused before its signature is looked at', async () => {
  const filler = 'x'.repeat(LIMITS.askingPayloadBytesMax);
  const payload = Buffer.from(JSON.stringify({ filler, msgtype: 'x' })).toString('base64');
  const asking = [
    'getprocessmsg',
    'assignprocessmsg',
    'versionmsg',
    'getcolonymsg',
    'no such type',
  ];
  for (const payloadtype of asking) {
    const { status, payload: told } = await w.post(
      JSON.stringify({ payloadtype, payload, signature: 'none' }),
    );
    expect([payloadtype, status]).toEqual([payloadtype, 413]);
    expect(told.message).toContain(`at most ${LIMITS.askingPayloadBytesMax} characters`);
  }
  for (const payloadtype of ['submitfuncspecmsg', 'closesuccessfulmsg', 'addlogmsg']) {
    const { status } = await w.post(JSON.stringify({ payloadtype, payload, signature: 'none' }));
    expect([payloadtype, status]).toEqual([payloadtype, 403]);
  }
});

describe('text that would keep the parser busy', () => {
  const told = async (body: string): Promise<unknown> => {
    const { status, payload } = await w.post(body);
    return [status, payload.message];
  };

  test('is refused as an envelope before it is parsed', async () => {
    expect(await told('['.repeat(20 * 2 ** 20))).toEqual([400, 'too many values']);
    expect(await told(`{"x":[${'1,'.repeat(100_000)}1]}`)).toEqual([400, 'too many values']);
    const payload = Buffer.from('x'.repeat(100_000)).toString('base64');
    expect(await told(JSON.stringify({ payload }))).toEqual([403, 'Invalid signature length']);
  });

  test('is refused as a payload', async () => {
    const send = (json: string) => w.post(w.sealed('alice', 'submitfuncspecmsg', json));
    const deep = await send('['.repeat(10 * 2 ** 20));
    expect([deep.status, deep.payload.detail]).toEqual([400, 'exceeded max depth']);
    const keys = Array.from({ length: LIMITS.jsonEntriesMax + 1 }, (_, i) => `"k${i}":1`);
    const wide = await send(`{${keys.join(',')}}`);
    expect([wide.status, wide.payload.detail]).toEqual([400, 'too many values']);
    const unknown = await send(`{${keys.slice(0, LIMITS.listEntriesMax + 1).join(',')}}`);
    expect([unknown.status, unknown.payload.message]).toEqual([
      400,
      `expected at most ${LIMITS.listEntriesMax} entries`,
    ]);
    const inside = `{"spec":{"args":[{${keys.slice(0, LIMITS.listEntriesMax + 1).join(',')}}]}}`;
    expect((await send(inside)).payload.message).toBe(
      `spec.args.0: expected at most ${LIMITS.listEntriesMax} entries`,
    );
  });

  test('many numbers that are written oddly are read', async () => {
    const args = `[[${'1.0,'.repeat(200_000)}12345678901234567890]]`;
    const conditions = '{"colonyname":"dev","executortype":"worker"}';
    const spec = `{"args":${args},"conditions":${conditions}}`;
    const json = `{"spec":${spec},"msgtype":"submitfuncspecmsg"}`;
    const { status, payload } = await w.post(w.sealed('alice', 'submitfuncspecmsg', json));
    expect([status, payload.spec.args[0].length]).toEqual([200, 200_001]);
    expect(payload.spec.args[0].slice(-2)).toEqual([1, 12345678901234567000n]);
  });
});
