// Generated input of every kind: each gets a reply, none is a bug, none of the malformed changes
// anything. A smoke here; `npm run test:fuzz -- --runs N` goes on for longer.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Op } from '../../src/api/op.ts';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import { RUNTIME_OPS } from '../../src/api/runtime-dialect/dialect.ts';
import { stringifyJson } from '../../src/node/model/json.ts';
import { answerOf, idOf, nowhere, openWorld, type World } from '../support/world.ts';

const RUNS = Number(process.env['COLONIES_FUZZ_RUNS'] ?? 20);
const SEED = Number(process.env['COLONIES_FUZZ_SEED'] ?? 2030);
const SETTINGS = { numRuns: RUNS, seed: SEED, endOnFailure: true };

let w: World;
let processid: string;
beforeAll(async () => {
  w = await openWorld();
  await w.settle();
  processid = (await w.submit('alice', { env: { KEY: 'value' } })).processid;
});
afterAll(async () => {
  expect(w.complaints().filter(({ level }) => level === 'error')).toEqual([]);
  await w.close();
});

const HONEST = new Set([200, 400, 403, 404, 408, 413, 429, 503]);

// A caller that has gone away waits for nothing.
const gone = () => nowhere(AbortSignal.abort());

const seen = new Set<number>();

/** Sends a body; the reply must be a whole envelope with a status that is meant for callers. */
const answered = async (body: string) => {
  const { status, body: text } = await w.dispatch.receive(body, gone());
  expect(HONEST).toContain(status);
  seen.add(status);
  const answer = answerOf(status, text);
  if (status !== 200) {
    expect(answer).toMatchObject({ payloadtype: 'error', error: true, payload: { status } });
    expect(answer.payload.message).not.toBe('internal error');
  }
  return answer;
};

const counts = () => w.engine.server.statistics();

const NASTY = [
  '',
  ' ',
  ':',
  '*',
  '\u0000',
  '\ud800',
  '\u2028',
  '../../etc',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '<script>',
  "'; drop table x",
  '"\\',
  '😀'.repeat(100),
  'x'.repeat(100_000),
  'f'.repeat(64),
  'F'.repeat(64),
  '9'.repeat(400),
  '0001-01-01T00:00:00Z',
  '10Gi',
  '1e9999m',
] as const;

const nastyText = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary' }));
const nastyNumber = fc.constantFrom<number | bigint>(
  0,
  -1,
  1.5,
  2 ** 31,
  -(2 ** 53),
  1e308,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n,
  10n ** 100n,
);
const nasty: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  nastyNumber,
  fc.constantFrom(
    null,
    true,
    {},
    [],
    [[]],
    JSON.parse('{"__proto__":{"polluted":1},"constructor":"x"}'),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

interface Shape {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** Names and ids that mean something in this world, so that some calls get far. */
const knownText = () =>
  fc.constantFrom('dev', 'other', 'alice', 'e1', 'worker', idOf('dev'), idOf('e1'), processid);

// Mostly values of the right type, some of any other.
const written = (shape: Shape): fc.Arbitrary<unknown> => {
  const right = ((): fc.Arbitrary<unknown> => {
    if (shape.anyOf) return fc.oneof(...shape.anyOf.map(written));
    if (shape.properties) return recordOf(shape);
    if (shape.type === 'array') return fc.array(written(shape.items ?? {}), { maxLength: 3 });
    if (shape.type === 'string') return fc.oneof(knownText(), nastyText);
    if (shape.type === 'boolean') return fc.boolean();
    if (shape.type === 'integer' || shape.type === 'number') {
      return fc.oneof(fc.integer({ min: -2, max: 200 }), nastyNumber);
    }
    return nasty;
  })();
  return fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: nasty });
};

const recordOf = (shape: Shape): fc.Arbitrary<unknown> =>
  fc.record(
    Object.fromEntries(
      Object.entries(shape.properties ?? {}).map(([name, of]) => [name, written(of)]),
    ),
    { requiredKeys: [] },
  );

const shapeOf = (op: Op): Shape =>
  z.toJSONSchema(op.msg, {
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'bigint') jsonSchema.type = 'integer';
    },
  }) as Shape;

test('any bytes get a refusal, and change nothing', async () => {
  const before = counts();
  const bodies = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
    fc.json(),
    fc.constantFrom('[', '{'.repeat(10_000), '['.repeat(200_000), '"', 'nul', '-', '{"a":1e}'),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      expect((await answered(body)).status).not.toBe(200);
    }),
    SETTINGS,
  );
  expect(counts()).toEqual(before);
});

test('any envelope gets a reply, and without a good signature changes nothing', async () => {
  const before = counts();
  const field = fc.oneof(nasty, fc.constantFrom(...OPS_BY_TYPE.keys()));
  const signature = fc.oneof(nasty, fc.stringMatching(/^[0-9a-f]{130}$/));
  await fc.assert(
    fc.asyncProperty(
      fc.record({ payloadtype: field, payload: field, signature }, { requiredKeys: [] }),
      async (envelope) => {
        await answered(stringifyJson(envelope));
      },
    ),
    SETTINGS,
  );
  expect(counts()).toEqual(before);
});

test('any payload under a good signature gets a reply', async () => {
  const payloads = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('['.repeat(200_000), '{"spec":'.repeat(5_000), '{"a":1e400}', '\ufeff{}'),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...OPS_BY_TYPE.keys()), payloads, async (type, text) => {
      await answered(w.sealed('alice', type, text));
    }),
    SETTINGS,
  );
});

test('a deeply nested free value is refused, not a crash', async () => {
  for (const depth of [65, 5_000, 100_000]) {
    const args = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const spec = `{"funcname":"f","args":[${args}],"conditions":{"colonyname":"dev"}}`;
    const text = `{"spec":${spec},"msgtype":"submitfuncspecmsg"}`;
    expect((await answered(w.sealed('alice', 'submitfuncspecmsg', text))).status).toBe(400);
  }
});

// Those that take the ground away from the others come last.
const DRASTIC = /^(remove|delete|change)(colony|server|all)/;
const TABLES = [...OPS_BY_TYPE.values(), ...Object.values<Op>(RUNTIME_OPS)].sort(
  (a, b) => Number(DRASTIC.test(a.type)) - Number(DRASTIC.test(b.type)),
);

test.each(TABLES.map((op) => [op.type, op] as const))(
  '%s survives its fields',
  async (type, op) => {
    const callers = fc.constantFrom('server', 'dev', 'alice', 'e1', 'foreign', 'nobody');
    await fc.assert(
      fc.asyncProperty(callers, written(shapeOf(op)), async (who, fields) => {
        const text = stringifyJson({ ...(fields as object), msgtype: type });
        await answered(w.sealed(who, type, text));
      }),
      SETTINGS,
    );
  },
);

test('no input reaches the prototype of all objects', () => {
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test('some of the input got far, some did not', () => {
  for (const status of [200, 400, 403, 404]) expect(seen).toContain(status);
});
