// The state machine of a process: every state, every command; and how a process travels.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attributeId } from '../../../src/node/crypto/ids.ts';
import type { Fault } from '../../../src/node/errors.ts';
import {
  assign,
  type Change,
  cancel,
  closeFailed,
  closeSuccessful,
  execTimeout,
  isFinal,
  newProcess,
  Process,
  type ProcessRow,
  priorityTime,
  processJson,
  putBack,
  queueOrder,
  STATE,
  type State,
  waitTimeout,
} from '../../../src/node/model/process.ts';
import { FunctionSpecMsg, normaliseSpec, specRow } from '../../../src/node/model/spec.ts';
import {
  DAY_US,
  deadlineUs,
  LATEST_US,
  SECOND_US,
  timeText,
} from '../../../src/node/model/time.ts';

const ID = 'a'.repeat(64);
const EXECUTOR = 'e'.repeat(64);
const NOW = Date.UTC(2030, 0, 1) * 1000;

const spec = (fields: object = {}) => specRow(normaliseSpec(FunctionSpecMsg.parse(fields)));
const submitted = (fields: object = {}): ProcessRow =>
  newProcess(ID, 1, { id: 'b'.repeat(64), name: 'me' }, spec(fields), NOW);
const changed = (p: ProcessRow, change: Change | undefined): ProcessRow => ({ ...p, ...change });
const running = (fields: object = {}): ProcessRow => {
  const p = submitted(fields);
  return changed(p, assign(p, EXECUTOR, NOW + 1));
};

const IN_STATE: Record<State, () => ProcessRow> = {
  [STATE.waiting]: () => submitted(),
  [STATE.running]: () => running(),
  [STATE.success]: () => {
    const p = running();
    return changed(p, closeSuccessful(p, '["x"]', NOW + 2));
  },
  [STATE.failed]: () => {
    const p = running();
    return changed(p, closeFailed(p, '["e"]', NOW + 2));
  },
  [STATE.cancelled]: () => {
    const p = submitted();
    return changed(p, cancel(p, NOW + 2));
  },
};

const COMMANDS = {
  closeSuccessful: (p: ProcessRow) => closeSuccessful(p, '[1]', NOW + 9),
  closeFailed: (p: ProcessRow) => closeFailed(p, '["no"]', NOW + 9),
  cancel: (p: ProcessRow) => cancel(p, NOW + 9),
};

// What each command does in each state: the state it leads to, nothing ('same'), or a refusal.
const EXPECTED: Record<keyof typeof COMMANDS, Record<State, State | 'same' | string>> = {
  closeSuccessful: {
    0: 'Tried to set waiting process as successful without being running',
    1: STATE.success,
    2: 'same',
    3: 'Tried to set failed process as successful',
    4: 'Tried to set cancelled process as successful',
  },
  closeFailed: {
    0: 'Tried to set waiting process as failed without being running',
    1: STATE.failed,
    2: 'Tried to set successful process as failed',
    3: 'Tried to set failed process as failed',
    4: 'Tried to set cancelled process as failed',
  },
  cancel: {
    0: STATE.cancelled,
    1: STATE.cancelled,
    2: 'Tried to cancel successful process',
    3: 'Tried to cancel failed process',
    4: 'Tried to cancel already cancelled process',
  },
};

describe('every command in every state', () => {
  for (const [name, row] of Object.entries(EXPECTED)) {
    for (const [state, outcome] of Object.entries(row)) {
      test(`${name} in state ${state}: ${outcome}`, () => {
        const p = IN_STATE[Number(state) as State]();
        const run = () => COMMANDS[name as keyof typeof COMMANDS](p);
        if (typeof outcome === 'number') {
          expect(run()).toMatchObject({ state: outcome, endedUs: NOW + 9 });
        } else if (outcome === 'same') {
          expect(run()).toBeUndefined();
        } else {
          expect(run).toThrow(outcome);
          try {
            run();
          } catch (error) {
            expect((error as Fault).code).toBe('conflict');
            expect((error as Fault).detail['reason']).toBe(Object.keys(STATE)[Number(state)]);
          }
        }
      });
    }
  }

  test('no sequence of commands and timeouts leaves a final state, or changes a finished process', () => {
    const steps = fc.array(
      fc.constantFrom('assign', 'close', 'fail', 'cancel', 'exec', 'wait', 'back'),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: -1, max: 3 }), (commands, maxretries) => {
        let p = submitted({ maxretries, maxexectime: 5, maxwaittime: 5 });
        let now = NOW;
        for (const command of commands) {
          now += 1;
          const before = p;
          try {
            p = changed(p, step(command, p, now));
          } catch (error) {
            expect((error as Fault).code).toBe('conflict');
          }
          if (isFinal(before.state)) expect(p).toEqual(before);
          expect(p.assigned).toBe(
            p.state === STATE.running || (isFinal(p.state) && p.executorid !== ''),
          );
          expect(p.lease).toBeGreaterThanOrEqual(before.lease);
          expect(p.endedUs > 0).toBe(isFinal(p.state));
        }
      }),
    );
  });
});

// The engine applies timeouts and put-backs only to processes in the state they belong to.
const step = (command: string, p: ProcessRow, now: number): Change | undefined => {
  if (command === 'assign') return p.state === STATE.waiting ? assign(p, EXECUTOR, now) : undefined;
  if (command === 'exec') return p.state === STATE.running ? execTimeout(p, now) : undefined;
  if (command === 'back') return p.state === STATE.running ? putBack(p, now) : undefined;
  if (command === 'wait') return p.state === STATE.waiting ? waitTimeout(now) : undefined;
  if (command === 'close') return closeSuccessful(p, undefined, now);
  if (command === 'fail') return closeFailed(p, '[]', now);
  return cancel(p, now);
};

describe('time', () => {
  test('submission sets the waiting deadline, assignment the one for running', () => {
    const p = running({ maxwaittime: 10, maxexectime: 20 });
    expect(p.waitDeadlineUs).toBe(NOW + 10 * SECOND_US);
    expect(p.execDeadlineUs).toBe(NOW + 1 + 20 * SECOND_US);
    expect(p.startedUs).toBe(NOW + 1);
  });

  test.each([0, -1, -5])('a time of %d is no deadline', (seconds) => {
    const p = running({ maxwaittime: seconds, maxexectime: seconds });
    expect([p.waitDeadlineUs, p.execDeadlineUs]).toEqual([0, 0]);
  });

  test('absurd times end at the last one that can be written', () => {
    expect(deadlineUs(NOW, Number.MAX_SAFE_INTEGER)).toBe(LATEST_US);
    expect(timeText(LATEST_US)).toBe('9999-12-31T23:59:59Z');
  });

  test('n retries allow n + 1 attempts, a negative number any', () => {
    for (const [maxretries, attempts] of [
      [0, 1],
      [1, 2],
      [3, 4],
    ] as const) {
      let p = submitted({ maxretries, maxexectime: 5, maxwaittime: 7 });
      let tried = 0;
      while (p.state === STATE.waiting && tried < 10) {
        p = changed(p, assign(p, EXECUTOR, NOW + tried));
        p = changed(p, execTimeout(p, NOW + tried));
        tried += 1;
      }
      expect(tried).toBe(attempts);
      expect(p).toMatchObject({
        state: STATE.failed,
        errors: '["Maximum execution time limit exceeded"]',
        retries: maxretries,
      });
    }
    const p = { ...running({ maxretries: -1 }), retries: 1000 };
    expect(execTimeout(p, NOW)).toMatchObject({ state: STATE.waiting, retries: 1001 });
  });

  test('put back by hand counts no retry, clears the attempt and renews the waiting deadline', () => {
    const p = running({ maxwaittime: 10, maxexectime: 20 });
    expect(putBack(p, NOW + 5)).toEqual({
      state: STATE.waiting,
      executorid: '',
      assigned: false,
      startedUs: 0,
      endedUs: 0,
      execDeadlineUs: 0,
      waitDeadlineUs: NOW + 5 + 10 * SECOND_US,
    });
  });

  test('times are written with at most six digits of a second, without trailing zeros', () => {
    expect(timeText(0)).toBe('0001-01-01T00:00:00Z');
    expect(timeText(NOW)).toBe('2030-01-01T00:00:00Z');
    expect(timeText(NOW + 120_000)).toBe('2030-01-01T00:00:00.12Z');
    expect(timeText(NOW + 1)).toBe('2030-01-01T00:00:00.000001Z');
  });

  test('a step of priority is worth a day of waiting, and the order is exact', () => {
    expect(queueOrder(NOW, 1)).toBe(NOW - DAY_US);
    for (const priority of [-50_000, 50_000]) {
      expect(Number.isSafeInteger(queueOrder(NOW, priority))).toBe(true);
      expect(queueOrder(NOW + 1, priority) - queueOrder(NOW, priority)).toBe(1);
    }
    expect(priorityTime(queueOrder(1_770_000_000_000_000, 10))).toBe('1769136000000000000');
    expect(priorityTime(0)).toBe('0');
    expect(priorityTime(-5)).toBe('-5000');
  });
});

describe('on the wire', () => {
  test('a process travels in the documented shape, ENV attributes first', () => {
    const p: ProcessRow = {
      ...running({ funcname: 'f', env: { KEY: 'v"<' }, conditions: { executortype: 't' } }),
      attributes: [{ id: '1'.repeat(64), type: 1, key: 'out', value: 'x' }],
      in: '[1]',
      out: '["å"]',
    };
    const shown = Process.parse(JSON.parse(processJson(p, 'dev "1"')));
    expect(shown).toMatchObject({
      processid: ID,
      initiatorname: 'me',
      assignedexecutorid: EXECUTOR,
      isassigned: true,
      state: 1,
      retries: 0,
      in: [1],
      out: ['å'],
      errors: [],
      waitforparents: false,
      parents: [],
      children: [],
      processgraphid: '',
      spec: { funcname: 'f', conditions: { colonyname: 'dev "1"' } },
    });
    const common = {
      targetid: ID,
      targetcolonyname: 'dev "1"',
      targetprocessgraphid: '',
      state: 1,
    };
    expect(shown.attributes).toEqual([
      {
        ...common,
        attributeid: attributeId(ID, 'KEY', 3),
        attributetype: 3,
        key: 'KEY',
        value: 'v"<',
      },
      { ...common, attributeid: '1'.repeat(64), attributetype: 1, key: 'out', value: 'x' },
    ]);
    expect(Object.keys(shown)).toEqual(Object.keys(Process.shape));
  });
});
