// Translation between the vocabularies: what was submitted in 2022 words is shown in 2022 words,
// and either kind of client can read what the other wrote.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ProcessSpecMsg,
  Runtime,
  RuntimeAttribute,
  RuntimeMsg,
  RuntimeProcess,
} from '../../src/api/runtime-dialect/shapes.ts';
import {
  attributesOf2022,
  errorsOf,
  outOf,
  processJson2022,
} from '../../src/api/runtime-dialect/translate/process.ts';
import {
  newExecutor,
  registeredIn,
  runtimeWire,
} from '../../src/api/runtime-dialect/translate/runtime.ts';
import { submission } from '../../src/api/runtime-dialect/translate/spec.ts';
import type { ExecutorRow } from '../../src/node/model/executor.ts';
import { parseJson } from '../../src/node/model/json.ts';
import {
  newProcess,
  Process,
  type ProcessRow,
  processJson,
  STATE,
} from '../../src/node/model/process.ts';
import { FunctionSpecMsg, normaliseSpec, specRow } from '../../src/node/model/spec.ts';

const COLONY = { id: 'c'.repeat(64), name: 'dev' };
const ID = 'a'.repeat(64);
const BY = { id: 'b'.repeat(64), name: 'submitter' };
const nobody = () => undefined;

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const maybeTexts = fc.option(fc.array(fc.string(), { maxLength: 4 }), { nil: null });
const word = fc.stringMatching(/^[a-z0-9:._-]{0,12}$/);

const anySpec = fc.record({
  image: fc.string(),
  cmd: fc.string(),
  args: maybeTexts,
  volumes: maybeTexts,
  ports: maybeTexts,
  maxexectime: int32,
  maxretries: int32,
  conditions: fc.record({
    colonyid: fc.constant(COLONY.id),
    runtimeids: fc.option(fc.array(word, { maxLength: 4 }), { nil: null }),
    runtimetype: word,
    mem: int32,
    cores: int32,
    gpus: int32,
  }),
  env: fc.option(
    fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.string(), { maxKeys: 4 }),
    { nil: null },
  ),
});

const processOf = (spec: unknown): ProcessRow => {
  const { spec: row, edge } = submission(ProcessSpecMsg.parse(spec));
  return newProcess(ID, 1, BY, row, 1_653_474_030_017_857, edge);
};

// Checked by its shape, but looked at as it travels: the checker leaves out keys like `__proto__`.
const checked = <T>(shape: { parse(value: unknown): T }, json: string): T => {
  shape.parse(parseJson(json));
  return parseJson(json) as T;
};

const shown = (p: ProcessRow, idOf: (name: string) => string | undefined = nobody) =>
  checked(RuntimeProcess.strict(), processJson2022(p, COLONY, idOf));

/** The ENV as the reply writes it: a reader may drop a key like __proto__, the reply does not. */
const writtenEnv = (p: ProcessRow): unknown =>
  (parseJson(processJson2022(p, COLONY, nobody)) as { spec: { env: unknown } }).spec.env;

const todays = (msg: unknown, more: Partial<ProcessRow> = {}): ProcessRow => {
  const spec = normaliseSpec(FunctionSpecMsg.parse(msg));
  return { ...newProcess(ID, 1, BY, specRow(spec), 1_000_000), ...more };
};

const sample = {
  image: 'busybox',
  cmd: 'sleep',
  args: ['5'],
  volumes: ['/a:/b'],
  ports: ['80:8080'],
  maxexectime: 60,
  maxretries: 2,
  conditions: {
    colonyid: COLONY.id,
    runtimeids: ['r1', 'r2', 'r1'],
    runtimetype: 'testworker',
    mem: 1000,
    cores: 10,
    gpus: 1,
  },
  env: { B: '2', A: '1' },
};

describe('a process submitted in 2022 words', () => {
  test('keeps variables of any name', () => {
    const env = JSON.parse('{"__proto__":"a","constructor":"b"}');
    const p = processOf({ cmd: 'ls', env });
    expect(Object.entries(shown(p).spec.env)).toEqual([...Object.entries(env)]);
    expect(checked(Process, processJson(p, COLONY.name)).spec.env).toEqual(env);
  });

  test('shows exactly what was submitted, with the documented null and []', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const process = processOf(spec);
        const { image, cmd, args, volumes, ports, maxexectime, maxretries, conditions } =
          shown(process).spec;
        const env = writtenEnv(process);
        const { runtimeids } = spec.conditions;
        const anyone = runtimeids?.length === 1 && runtimeids[0] === '*';
        expect({ image, cmd, args, volumes, ports, maxexectime, maxretries, env }).toEqual({
          ...spec,
          conditions: undefined,
          env: { ...spec.env },
        });
        expect(conditions).toMatchObject({
          ...spec.conditions,
          runtimeids: anyone ? [] : [...new Set(runtimeids ?? [])],
        });
      }),
    );
  });

  test('is a well-formed process of today for clients of today', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        // The reader of today's client leaves this key out.
        fc.pre(!Object.hasOwn(spec.env ?? {}, '__proto__'));
        const p = processOf(spec);
        const today = checked(Process, processJson(p, COLONY.name));
        expect(today.spec.funcname).toBe(spec.cmd);
        expect(today.spec.args).toEqual(spec.args ?? []);
        expect(today.spec.conditions.executortype).toBe(spec.conditions.runtimetype);
        expect(today.spec.env).toEqual({ ...spec.env });
        // A client of today that reads it and submits it again changes nothing in it.
        expect(specRow(normaliseSpec(FunctionSpecMsg.parse(today.spec))).json).toBe(p.spec.json);
      }),
    );
  });

  test('has the image, volumes and ports as keyword arguments and its needs as resources', () => {
    const p = processOf(sample);
    const { spec } = Process.parse(parseJson(processJson(p, COLONY.name)));
    expect(spec.kwargs).toEqual({ image: 'busybox', volumes: ['/a:/b'], ports: ['80:8080'] });
    expect(spec.conditions).toMatchObject({ cpu: '10000m', mem: '1000Mi', gpu: { count: 1 } });
    expect(p.spec.ids).toEqual(['r1', 'r2']);
  });

  test.each([
    [-1, -1],
    [0, -1],
    [-2, -1],
    [5, 5],
  ])('a limit of %i is %i for the queue', (submitted, effective) => {
    const p = processOf({ ...sample, maxexectime: submitted, maxretries: submitted });
    expect([p.spec.maxexectime, p.spec.maxretries]).toEqual([effective, effective]);
    expect(shown(p).spec).toMatchObject({ maxexectime: submitted, maxretries: submitted });
  });

  test.each([[null], [[]], [['*']], [undefined]])('runtimeids %j is any runtime', (runtimeids) => {
    const p = processOf({ ...sample, conditions: { ...sample.conditions, runtimeids } });
    expect(p.spec.ids).toEqual([]);
    expect(shown(p).spec.conditions.runtimeids).toEqual([]);
  });

  test('lists its fields in the order of 2022, then those of today', () => {
    const order = Object.keys(JSON.parse(processJson2022(processOf(sample), COLONY, nobody)));
    expect(order.slice(0, 11)).toEqual(
      'processid assignedruntimeid isassigned state submissiontime starttime endtime deadline retries attributes spec'.split(
        ' ',
      ),
    );
    const { spec } = shown(processOf(sample));
    expect(Object.keys(spec).slice(0, 9)).toEqual(
      'image cmd args volumes ports maxexectime maxretries conditions env'.split(' '),
    );
    expect(Object.keys(spec.conditions).slice(0, 6)).toEqual(
      'colonyid runtimeids runtimetype mem cores gpus'.split(' '),
    );
    expect(Object.keys(spec.env)).toEqual(['A', 'B']);
  });

  test('has the times of 2022: microseconds, and year 1 for what is not set', () => {
    expect(shown(processOf(sample))).toMatchObject({
      submissiontime: '2022-05-25T10:20:30.017857Z',
      starttime: '0001-01-01T00:00:00Z',
      endtime: '0001-01-01T00:00:00Z',
      deadline: '0001-01-01T00:00:00Z',
    });
  });

  test.each([
    ['maxexectime', 3_000_000_000],
    ['maxretries', -3_000_000_000],
    ['maxexectime', 1.5],
    ['maxexectime', '60'],
    ['args', 'no list'],
    ['env', ['no', 'map']],
    ['env', { A: 1 }],
  ])('%s of %j is refused', (field, value) => {
    expect(ProcessSpecMsg.safeParse({ ...sample, [field]: value }).success).toBe(false);
  });

  test('a runtime type that cannot be a name is refused', () => {
    const conditions = { ...sample.conditions, runtimetype: 'bad\nname' };
    expect(() => processOf({ ...sample, conditions })).toThrow('Runtime type contains control');
  });
});

describe('a process submitted in words of today', () => {
  const msg = {
    funcname: 'echo',
    args: ['text', 7, { deep: [true] }],
    kwargs: { image: 'busybox', volumes: ['a:b'], ports: 'none', other: 1 },
    maxexectime: 0,
    maxretries: 0,
    priority: 3,
    label: 'lab',
    conditions: {
      executortype: 'worker',
      executornames: ['known', 'unknown'],
      cpu: '1500m',
      mem: '2Gi',
      gpu: { count: 2 },
    },
    env: { A: '1' },
  };

  test('has a command, arguments as texts, and its needs in numbers', () => {
    const { spec } = shown(todays(msg), (name) => (name === 'known' ? ID : undefined));
    expect(spec).toMatchObject({
      image: 'busybox',
      cmd: 'echo',
      args: ['text', '7', '{"deep":[true]}'],
      volumes: ['a:b'],
      ports: null,
      maxexectime: -1,
      maxretries: 0,
      conditions: {
        colonyid: COLONY.id,
        runtimeids: [ID, 'unknown'],
        runtimetype: 'worker',
        mem: 2048,
        cores: 2,
        gpus: 2,
      },
      env: { A: '1' },
    });
  });

  test('keeps the fields that only today has', () => {
    const { spec } = shown(todays(msg));
    expect(spec).toMatchObject({
      funcname: 'echo',
      kwargs: msg.kwargs,
      priority: 3,
      label: 'lab',
      conditions: { colonyname: 'dev', executortype: 'worker', cpu: '1500m' },
    });
  });

  test('a cancelled process is a failed one', () => {
    expect(shown(todays(msg, { state: STATE.cancelled })).state).toBe(STATE.failed);
  });

  test('its output and errors are attributes', () => {
    const p = todays({ ...msg, env: {} }, { out: '["done"]', errors: '["a","b"]' });
    const attributes = attributesOf2022(p, COLONY);
    expect(attributes.map(({ attributetype, key, value }) => [attributetype, key, value])).toEqual([
      [1, 'output', 'done'],
      [2, 'error', '["a","b"]'],
    ]);
  });

  test.each([
    ['[7]', '7'],
    ['[{"a":1}]', '{"a":1}'],
    ['["a","b"]', '["a","b"]'],
    ['[12345678901234567890]', '12345678901234567890'],
  ])('an output of %s is the text %s', (out, value) => {
    expect(attributesOf2022(todays({ ...msg, env: {} }, { out }), COLONY)[0]?.value).toBe(value);
  });

  test('an attribute that the worker set is not shown twice', () => {
    const attributes = [
      { id: 'x', type: 1, key: 'output', value: 'set' },
      { id: 'y', type: 2, key: 'any', value: 'why' },
    ];
    const p = todays({ ...msg, env: {} }, { out: '["o"]', errors: '["e"]', attributes });
    expect(attributesOf2022(p, COLONY).map((a) => a.value)).toEqual(['set', 'why']);
  });
});

describe('attributes', () => {
  test('ENV has the 2022 number, and the id that belongs to it', () => {
    const id = '6681946db095e0dc2e0408b87e119c0d2ae4f691db6899b829161fc97f14a1d0';
    const p = { ...processOf({ ...sample, env: { TEST: 'testenv' } }), id };
    expect(RuntimeAttribute.strict().parse(attributesOf2022(p, COLONY)[0])).toMatchObject({
      attributeid: '2fe15f1b570c7328854f2374a69e45845ef5a40624ec06c287a51a5732485ecc',
      targetid: id,
      targetcolonyid: COLONY.id,
      attributetype: 4,
      key: 'TEST',
      value: 'testenv',
      targetcolonyname: 'dev',
    });
  });

  test('what a worker printed becomes the output for clients of today', () => {
    const output = { id: 'x', type: 1, key: 'output', value: 'hello\n' };
    const p = { ...processOf(sample), attributes: [output] };
    expect(outOf(p)).toBe('["hello\\n"]');
    expect(outOf({ ...p, out: '["set before"]' })).toBeUndefined();
    expect(outOf(processOf(sample))).toBeUndefined();
  });

  test('ERR attributes become the errors of a failure', () => {
    const wrong = { id: 'y', type: 2, key: 'any', value: 'why' };
    expect(errorsOf({ ...processOf(sample), attributes: [wrong] })).toBe('["why"]');
    expect(errorsOf(processOf(sample))).toBe('[]');
  });
});

const stored = (msg: unknown, more: Partial<ExecutorRow> = {}): ExecutorRow => ({
  ...newExecutor(RuntimeMsg.parse(msg)),
  colony: 1,
  state: 0,
  commissionedUs: 1_000_000,
  heardUs: 0,
  ...more,
});

describe('a runtime', () => {
  const anyRuntime = fc.record({
    runtimeid: fc.stringMatching(/^[0-9a-f]{1,64}$/),
    runtimetype: word,
    name: fc.string(),
    cpu: fc.string(),
    cores: int32,
    mem: int32,
    gpu: fc.string(),
    gpus: int32,
  });

  test('shows what it was registered with', () => {
    fc.assert(
      fc.property(anyRuntime, (msg) => {
        const row = stored({ ...msg, colonyid: COLONY.id, state: 1 });
        expect(Runtime.strict().parse(runtimeWire(row, COLONY.id))).toEqual({
          ...msg,
          colonyid: COLONY.id,
          state: 0,
          commissiontime: '1970-01-01T00:00:01Z',
          lastheardfromtime: '0001-01-01T00:00:00Z',
        });
      }),
    );
  });

  test('keeps the name it asked for when the executor had to be named otherwise', () => {
    const row = stored({ runtimeid: ID, name: 'worker' }, { name: 'worker-aaaaaaaa' });
    expect(runtimeWire(row, COLONY.id).name).toBe('worker');
    expect(stored({ runtimeid: ID, name: '' }).name).toBe('runtime-aaaaaaaa');
    expect(runtimeWire(stored({ runtimeid: ID, name: '' }), COLONY.id).name).toBe('');
  });

  test('has its hardware in the capabilities, where unknown sizes are none', () => {
    const msg = { runtimeid: ID, cpu: 'a cpu', cores: 32, mem: 80326, gpu: 'a gpu', gpus: 1 };
    expect(stored(msg).capabilities.hardware?.[0]).toMatchObject({
      cpu: 'a cpu',
      cores: 32,
      mem: '80326Mi',
      gpu: { name: 'a gpu', count: 1 },
    });
    const unknown = stored({ runtimeid: ID, cores: -1, mem: -1, gpus: -1 });
    expect(unknown.capabilities.hardware?.[0]).toMatchObject({
      cores: 0,
      mem: '',
      gpu: { count: 0 },
    });
    expect(runtimeWire(unknown, COLONY.id)).toMatchObject({ cores: -1, mem: -1, gpus: -1 });
  });

  test('that reports other capabilities later shows those', () => {
    const row = stored({ runtimeid: ID, name: 'w', cpu: 'old', cores: 1 });
    const [first] = row.capabilities.hardware ?? [];
    if (first === undefined) throw new Error('no hardware');
    const hardware = [{ ...first, cpu: 'new', cores: 8, mem: '4Gi' }];
    const later = { ...row, capabilities: { ...row.capabilities, hardware } };
    expect(runtimeWire(later, COLONY.id)).toMatchObject({ cpu: 'new', cores: 8, mem: 4096 });
  });

  test('registered as an executor shows what there is', () => {
    const { edge: _edge, ...row } = stored({ runtimeid: ID, runtimetype: 'cli', name: 'cli' });
    const none = { ...row, capabilities: { hardware: null, software: null } };
    expect(runtimeWire(none, COLONY.id)).toMatchObject({
      name: 'cli',
      runtimetype: 'cli',
      cpu: '',
      cores: 0,
      mem: 0,
      gpu: '',
      gpus: 0,
    });
    const [first] = row.capabilities.hardware ?? [];
    if (first === undefined) throw new Error('no hardware');
    const odd = { hardware: [{ ...first, model: 'a model', mem: 'plenty' }], software: null };
    expect(runtimeWire({ ...row, capabilities: odd }, COLONY.id)).toMatchObject({
      cpu: 'a model',
      mem: 0,
    });
  });

  test('remembers the dialect it was registered in', () => {
    const { edge: _edge, ...executor } = stored({ runtimeid: ID });
    const runtime = stored({ runtimeid: ID });
    expect(registeredIn([])).toBeUndefined();
    expect(registeredIn([executor])).toBe('executor');
    expect(registeredIn([runtime])).toBe('runtime');
    expect(registeredIn([{ ...runtime, state: 3 }, executor])).toBe('executor');
  });

  test.each([
    ['', 'runtime id, it is empty'],
    ['a\u0000b', 'Runtime id contains control'],
    ['x'.repeat(2000), 'expected at most 1024 characters'],
  ])('an id that cannot serve as one is refused', (runtimeid, text) => {
    expect(() => newExecutor(RuntimeMsg.parse({ runtimeid }))).toThrow(text);
  });
});
