// Which dialect a message speaks: the order of the facts, and every shared payload type.

import { describe, expect, test } from 'vitest';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import {
  type DialectName,
  detect,
  evidence,
  type Facts,
} from '../../src/api/runtime-dialect/detect.ts';
import { RUNTIME_OPS, runtimeDialect } from '../../src/api/runtime-dialect/dialect.ts';

const BOTH = { executor: true, runtime: true };

const facts = (payloadtype: string, payload: unknown, more: Partial<Facts> = {}): Facts => ({
  payloadtype,
  has: BOTH,
  payload,
  onConnection: undefined,
  last: undefined,
  registered: undefined,
  ...more,
});

const WORDS: readonly (readonly [string, unknown, DialectName | undefined])[] = [
  ['getcolonymsg', { colonyid: 'c' }, 'runtime'],
  ['getcolonymsg', { colonyname: 'dev' }, 'executor'],
  ['getcolonymsg', { colonyid: 'c', colonyname: 'dev' }, undefined],
  ['getcolonymsg', {}, undefined],
  ['getcolonymsg', { ColonyID: 'c' }, 'runtime'],
  ['getcolonymsg', { colonyid: null, colonyname: 'dev' }, 'executor'],
  ['getcolonymsg', { colonyid: '' }, 'runtime'],
  ['assignprocessmsg', { colonyid: 'c' }, 'runtime'],
  ['assignprocessmsg', { colonyid: 'c', timeout: 10 }, 'runtime'],
  ['assignprocessmsg', { colonyname: 'dev', timeout: 10 }, 'executor'],
  ['assignprocessmsg', { availablecpu: '1000m' }, 'executor'],
  ['assignprocessmsg', { timeout: 10 }, undefined],
  ['getprocessesmsg', { colonyid: 'c', count: 1, state: 0 }, 'runtime'],
  ['getprocessesmsg', { colonyname: 'dev', count: 1, state: 0 }, 'executor'],
  ['getprocessesmsg', { count: 1, state: 0, initiator: '' }, 'executor'],
  ['getprocesshistmsg', { colonyid: 'c', runtimeid: '', seconds: 1 }, 'runtime'],
  ['getprocesshistmsg', { colonyname: 'dev', executorid: '', seconds: 1 }, 'executor'],
  ['getprocessmsg', { processid: 'p' }, undefined],
  ['getprocessmsg', { processid: 'p', colonyid: 'c' }, 'runtime'],
  ['getprocessmsg', { processid: 'p', colonyname: 'dev' }, 'executor'],
  ['getattributemsg', { attributeid: 'a', colonyid: 'c' }, 'runtime'],
  ['closesuccessfulmsg', { processid: 'p', colonyid: 'c' }, 'runtime'],
  ['closefailedmsg', { processid: 'p', colonyname: 'dev' }, 'executor'],
  ['subscribeprocessmsg', { processid: 'p', colonyid: 'c', state: 2 }, 'runtime'],
  ['closesuccessfulmsg', { processid: 'p' }, undefined],
  ['closesuccessfulmsg', { processid: 'p', out: [] }, 'executor'],
  ['closefailedmsg', { processid: 'p' }, undefined],
  ['closefailedmsg', { processid: 'p', errors: [] }, 'executor'],
  ['addattributemsg', { attribute: { targetid: 'p', targetcolonyid: 'c' } }, 'runtime'],
  ['addattributemsg', { attribute: { targetid: 'p', targetcolonyname: 'dev' } }, 'executor'],
  ['addattributemsg', { attribute: { targetid: 'p' } }, undefined],
  ['addattributemsg', { attribute: null }, undefined],
  ['addattributemsg', { attribute: [{ targetcolonyid: 'c' }] }, undefined],
  ['getattributemsg', { attributeid: 'a' }, undefined],
  ['addcolonymsg', { colony: { colonyid: 'c', name: 'dev' } }, undefined],
  ['getcoloniesmsg', {}, undefined],
  ['versionmsg', { buildversion: '', buildtime: '' }, undefined],
  ['subscribeprocessmsg', { processid: 'p', state: 2, timeout: 100 }, undefined],
  ['subscribeprocessmsg', { colonyname: 'dev', processid: 'p', state: 2 }, 'executor'],
  ['subscribeprocessesmsg', { runtimetype: 't', state: 0, timeout: 100 }, 'runtime'],
  ['subscribeprocessesmsg', { colonyname: 'dev', executortype: 't', state: 0 }, 'executor'],
  ['getcolonymsg', undefined, undefined],
  ['getcolonymsg', 'colonyid', undefined],
  ['getcolonymsg', ['colonyid'], undefined],
  ['toString', { colonyid: 'c' }, undefined],
];

describe('what a message says of its dialect', () => {
  test.each(WORDS)('%s %j speaks %s', (type, payload, dialect) => {
    expect(evidence(facts(type, payload))).toBe(dialect);
  });

  test('a payload type that only one dialect has decides, whatever the fields say', () => {
    const has = { executor: false, runtime: true };
    expect(evidence(facts('getprocstatmsg', { colonyname: 'dev' }, { has }))).toBe('runtime');
    const hasNot = { executor: true, runtime: false };
    expect(evidence(facts('submitfuncspecmsg', { colonyid: 'c' }, { has: hasNot }))).toBe(
      'executor',
    );
  });
});

describe('the order of the facts', () => {
  const quiet = { processid: 'p' };
  const cases: readonly (readonly [string, Partial<Facts>, DialectName])[] = [
    [
      'fields come before history',
      { payload: { processid: 'p', out: [] }, onConnection: 'runtime' },
      'executor',
    ],
    [
      'the connection comes before what was last used elsewhere',
      { onConnection: 'runtime', last: 'executor', registered: 'executor' },
      'runtime',
    ],
    [
      'what was last used comes before the registration',
      { last: 'executor', registered: 'runtime' },
      'executor',
    ],
    ['the registration comes before the default', { registered: 'runtime' }, 'runtime'],
    ['who shows nothing and is unknown speaks the executor dialect', {}, 'executor'],
    [
      'a type that nobody has is the executor dialect',
      { has: { executor: false, runtime: false } },
      'executor',
    ],
  ];
  test.each(cases)('%s', (_name, more, dialect) => {
    expect(detect(facts('closesuccessfulmsg', quiet, more))).toBe(dialect);
  });
});

describe('the tables of the two dialects', () => {
  const SHARED = [
    'addattributemsg',
    'addcolonymsg',
    'assignprocessmsg',
    'closefailedmsg',
    'closesuccessfulmsg',
    'getattributemsg',
    'getcoloniesmsg',
    'getcolonymsg',
    'getprocessesmsg',
    'getprocesshistmsg',
    'getprocessmsg',
    'versionmsg',
  ];

  test('share exactly the payload types that need detecting', () => {
    const shared = [...runtimeDialect.ops.keys()].filter((type) => OPS_BY_TYPE.has(type));
    expect(shared.sort()).toEqual(SHARED);
  });

  test('the runtime dialect has every payload type of 2022 that a client sends, each once', () => {
    expect(runtimeDialect.ops.size).toBe(Object.keys(RUNTIME_OPS).length);
    const types = [...runtimeDialect.ops.keys(), ...runtimeDialect.watches.keys()];
    expect(types.sort()).toEqual([
      'addattributemsg',
      'addcolonymsg',
      'addruntimemsg',
      'approveruntimemsg',
      'assignprocessmsg',
      'closefailedmsg',
      'closesuccessfulmsg',
      'deleteallprocessesmsg',
      'deletecolonymsg',
      'deleteprocessmsg',
      'deleteruntimemsg',
      'getattributemsg',
      'getcoloniesmsg',
      'getcolonymsg',
      'getprocessesmsg',
      'getprocesshistmsg',
      'getprocessmsg',
      'getprocstatmsg',
      'getruntimemsg',
      'getruntimesmsg',
      'rejectruntimemsg',
      'submitprocessespecmsg',
      'subscribeprocessesmsg',
      'subscribeprocessmsg',
      'versionmsg',
    ]);
  });
});
