// Function specifications: normalised once, stored as text, printed with any colony name.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FunctionSpec,
  FunctionSpecMsg,
  normaliseSpec,
  PRIORITY_MAX,
  specJson,
  specRow,
} from '../../../src/node/model/spec.ts';

const normalised = (sent: unknown) => normaliseSpec(FunctionSpecMsg.parse(sent));

// Free values that try to look like the place where the colony's name belongs.
const hostile = fc.oneof(
  fc.string(),
  fc.constantFrom('"conditions":{', '"conditions":{"colonyname":"', '","colonyname":"x', '\\"'),
);
const free = fc.letrec<{ it: unknown }>((tie) => ({
  it: fc.oneof(
    { depthSize: 'small' },
    hostile,
    fc.integer(),
    fc.boolean(),
    fc.array(tie('it'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(hostile, fc.constantFrom('conditions', 'colonyname')), tie('it'), {
      maxKeys: 3,
    }),
    fc.record({ conditions: fc.record({ colonyname: hostile }) }),
  ),
})).it;

const sent = fc.record(
  {
    nodename: hostile,
    funcname: hostile,
    args: fc.array(free, { maxLength: 3 }),
    kwargs: fc.dictionary(fc.constantFrom('conditions', 'a', '__proto__'), free),
    priority: fc.integer({ min: -PRIORITY_MAX, max: PRIORITY_MAX }),
    maxwaittime: fc.integer(),
    maxexectime: fc.integer(),
    maxretries: fc.integer(),
    conditions: fc.record(
      {
        executornames: fc.option(fc.array(hostile, { maxLength: 3 })),
        executortype: fc.string({ unit: 'grapheme-ascii' }),
        locationname: fc.constantFrom('', 'Lund', 'Åre'),
        dependencies: fc.array(hostile, { maxLength: 2 }),
        walltime: fc.oneof(fc.integer(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n })),
        cpu: fc.constantFrom('', '500m', '4'),
        mem: fc.constantFrom('', '10Gi', '3G'),
      },
      { requiredKeys: [] },
    ),
    label: hostile,
    env: fc.dictionary(fc.oneof(hostile, fc.constant('conditions')), hostile),
    channels: fc.array(hostile, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

describe('normalising', () => {
  test('what is absent gets its zero value, resources their canonical form', () => {
    expect(normalised({ funcname: 'f', conditions: { cpu: '4', mem: '10GB' } })).toEqual({
      nodename: '',
      funcname: 'f',
      args: [],
      kwargs: {},
      priority: 0,
      maxwaittime: 0,
      maxexectime: 0,
      maxretries: 0,
      conditions: {
        colonyname: '',
        executornames: null,
        executortype: '',
        dependencies: [],
        nodes: 0,
        cpu: '4000m',
        processes: 0,
        processespernode: 0,
        mem: '9536Mi',
        storage: '0Mi',
        gpu: { name: '', mem: '0Mi', count: 0, nodecount: 0 },
        walltime: 0,
      },
      label: '',
      fs: { mount: '', snapshots: null, dirs: null },
      env: {},
    });
  });

  test('a star as the only executor name means anyone', () => {
    const names = (executornames: unknown) =>
      normalised({ conditions: { executornames } }).conditions.executornames;
    expect(names(['*'])).toEqual([]);
    expect(names(['*', 'a'])).toEqual(['*', 'a']);
    expect(names(null)).toBe(null);
    expect(names([])).toEqual([]);
  });

  test('normalising again changes nothing', () => {
    fc.assert(
      fc.property(sent, (msg) => {
        const once = normalised(msg);
        expect(normalised(once)).toEqual(once);
        expect(FunctionSpec.safeParse(once).success).toBe(true);
      }),
    );
  });

  test.each([
    [{ priority: PRIORITY_MAX + 1 }, 'priority outside range [-50000, 50000]'],
    [{ priority: -PRIORITY_MAX - 1 }, 'priority outside range'],
    [{ conditions: { cpu: 'lots' } }, 'Error converting CPU to int'],
    [{ conditions: { mem: '5' } }, 'error converting memory to int'],
    [{ conditions: { storage: '1Xi' } }, 'error converting memory to int'],
    [{ conditions: { gpu: { mem: '-' } } }, 'error converting memory to int'],
    [{ conditions: { executortype: 'a\u0000b' } }, 'Executor type contains control characters'],
    [{ conditions: { executortype: '\ud800' } }, 'broken Unicode'],
    [{ conditions: { executortype: 'x'.repeat(1025) } }, 'expected at most 1024 characters'],
  ])('%j is refused', (msg, says) => {
    expect(() => normalised(msg)).toThrow(says);
  });
});

describe('the stored text', () => {
  test('shows the specification with the colony named as asked, whatever it holds', () => {
    fc.assert(
      fc.property(sent, fc.string(), (msg, colonyname) => {
        const spec = normalised(msg);
        const shown = JSON.parse(specJson(specRow(spec), colonyname));
        const walltime = Number(spec.conditions.walltime);
        const conditions = { ...spec.conditions, colonyname, walltime };
        expect(shown).toEqual(JSON.parse(JSON.stringify({ ...spec, conditions })));
      }),
      { numRuns: 300 },
    );
  });

  test('keeps what the queue looks at', () => {
    const row = specRow(
      normalised({
        funcname: 'f',
        label: 'l',
        priority: 3,
        maxwaittime: 4,
        maxexectime: 5,
        maxretries: 6,
        env: { A: 'b' },
        conditions: {
          executornames: ['e1', 'e2'],
          executortype: 't',
          locationname: 'LUND',
          cpu: '2',
          mem: '1Gi',
        },
      }),
      ['id1'],
    );
    expect(row).toMatchObject({
      funcname: 'f',
      label: 'l',
      priority: 3,
      maxwaittime: 4,
      maxexectime: 5,
      maxretries: 6,
      executortype: 't',
      names: ['e1', 'e2'],
      ids: ['id1'],
      location: 'lund',
      cpuMilli: 2000,
      memBytes: 2 ** 30,
      env: { A: 'b' },
    });
  });
});
