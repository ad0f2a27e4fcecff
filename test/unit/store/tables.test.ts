// Rows as text: what is stored comes back.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newProcess, type ProcessRow, STATE } from '../../../src/node/model/process.ts';
import {
  FunctionSpecMsg,
  normaliseSpec,
  type SpecRow,
  specLength,
  specRow,
} from '../../../src/node/model/spec.ts';
import type { Writer } from '../../../src/node/store/commit.ts';
import { keys, partsOf } from '../../../src/node/store/keys.ts';
import { decodeLog, encodeLog, logTable } from '../../../src/node/store/tables/logs.ts';
import {
  decodeEnded,
  decodeProcess,
  decodeSpecText,
  envAttributeIds,
  liveKey,
  processTable,
} from '../../../src/node/store/tables/processes.ts';

const id = fc.stringMatching(/^[0-9a-f]{64}$/);
const text = fc.string({ unit: 'binary' });
const us = fc.nat(Number.MAX_SAFE_INTEGER);
const json = fc
  .array(fc.jsonValue({ depthSize: 'small' }), { maxLength: 2 })
  .map((v) => JSON.stringify(v));

interface Sent {
  readonly funcname: string;
  readonly label: string;
  readonly env: Record<string, string>;
  readonly conditions: Partial<FunctionSpecMsg['conditions']>;
}

/** As a message gives it, but for names that no message may have: rows may hold any text. */
const rowOf = (
  { funcname, label, env, conditions, ...sent }: Sent,
  ids: readonly string[],
): SpecRow => {
  const msg = FunctionSpecMsg.parse(sent);
  const named = { ...msg, funcname, label, env };
  return specRow(
    normaliseSpec({ ...named, conditions: { ...msg.conditions, ...conditions } }),
    ids,
  );
};

const spec = fc
  .record({
    funcname: text,
    args: fc.array(text, { maxLength: 2 }),
    label: text,
    priority: fc.integer({ min: -50_000, max: 50_000 }),
    maxwaittime: fc.integer(),
    maxexectime: fc.integer(),
    maxretries: fc.integer(),
    env: fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text, { maxKeys: 3 }),
    conditions: fc.record({
      executornames: fc.option(fc.array(text, { maxLength: 3 })),
      executortype: fc.constantFrom('cli', 'é😀', ''),
      locationname: text,
      cpu: fc.constantFrom('', '100m', '3'),
      mem: fc.constantFrom('', '5Gi'),
    }),
  })
  .chain((sent) => fc.array(id, { maxLength: 2 }).map((ids) => rowOf(sent, ids)));

const progress = fc.record({
  state: fc.constantFrom(0, 1, 2, 3, 4),
  executorid: fc.oneof(fc.constant(''), id),
  assigned: fc.boolean(),
  startedUs: us,
  endedUs: us,
  waitDeadlineUs: us,
  execDeadlineUs: us,
  retries: fc.nat(),
  lease: fc.nat(),
  out: json,
  errors: json,
  attributes: fc.array(fc.record({ id, type: fc.integer(), key: text, value: text }), {
    maxLength: 3,
  }),
});

const process = fc
  .record({
    id,
    colony: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    initiatorid: id,
    initiatorname: text,
    submittedUs: us,
    orderUs: fc.maxSafeInteger(),
    spec,
    in: json,
    progress,
    edge: fc.option(json, { nil: undefined }),
  })
  .map(
    ({ progress: more, edge, ...rest }): ProcessRow =>
      ({ ...rest, ...more, ...(edge === undefined ? {} : { edge }) }) as ProcessRow,
  );

const fresh = fc
  .record({ id, name: text, spec, nowUs: us, edge: fc.option(json, { nil: undefined }) })
  .map(({ name, nowUs, edge, ...rest }) =>
    newProcess(rest.id, 1, { id: rest.id, name }, rest.spec, nowUs, edge),
  );

/** What a command would put and delete. */
const collect = (fill: (w: Writer) => void): Map<string, string | undefined> => {
  const rows = new Map<string, string | undefined>();
  fill({
    put: (key, value) => void rows.set(key, value),
    del: (key) => void rows.set(key, undefined),
    made: () => undefined,
  } as Writer);
  return rows;
};

describe('processes', () => {
  test('a process comes back from its row', () => {
    fc.assert(
      fc.property(fc.oneof(process, fresh), (p) => {
        const rows = collect((w) => processTable.submitted(w, p));
        expect(decodeProcess(rows.get(liveKey(p)) as string)).toEqual(p);
      }),
    );
  });

  test('progress replaces what the process was submitted with', () => {
    fc.assert(
      fc.property(process, progress, (p, later) => {
        const next = { ...p, ...later } as ProcessRow;
        const first = collect((w) => processTable.submitted(w, p));
        const then = collect((w) => processTable.progressed(w, next));
        const value = first.get(liveKey(p)) as string;
        expect(decodeProcess(value, then.get(keys.progressBeside(liveKey(p))))).toEqual(next);
      }),
    );
  });

  test('finishing moves the row, deletes the old ones and indexes the end', () => {
    fc.assert(
      fc.property(process, fc.boolean(), (p, hadProgress) => {
        const rows = collect((w) => processTable.finished(w, p, hadProgress));
        const ended = keys.ended(p.colony, p.state, p.endedUs, p.id);
        const gone = [liveKey(p)];
        if (hadProgress) gone.push(keys.progressBeside(liveKey(p)));
        expect(new Set(rows.keys())).toEqual(new Set([...gone, keys.done(p.id), ended]));
        for (const key of gone) expect(rows.get(key)).toBeUndefined();
        expect(decodeProcess(rows.get(keys.done(p.id)) as string)).toEqual(p);
        expect(decodeEnded(partsOf(ended), rows.get(ended) as string)).toEqual({
          id: p.id,
          endedUs: p.endedUs,
          submittedUs: p.submittedUs,
          executorid: p.executorid,
          executortype: p.spec.executortype,
          label: p.spec.label,
          initiatorname: p.initiatorname,
        });
      }),
    );
  });

  test('removing deletes every row that any stage of its life wrote', () => {
    fc.assert(
      fc.property(process, (submitted) => {
        const p = { ...submitted, attributes: [] };
        const attribute = { id: 'a'.repeat(64), type: 1, key: 'k', value: 'v' };
        const last = { ...p, attributes: [attribute] };
        const wrote = collect((w) => {
          processTable.submitted(w, p);
          processTable.attributed(w, attribute.id, p.id);
          if (p.state >= 2) processTable.finished(w, last, true);
          else processTable.progressed(w, last);
        });
        const removed = collect((w) => processTable.removed(w, last));
        for (const [key, value] of wrote)
          if (value !== undefined) expect(removed.has(key)).toBe(true);
        expect([...removed.values()].every((value) => value === undefined)).toBe(true);
      }),
    );
  });

  test('ENV attributes are indexed under both numbers of their type', () => {
    fc.assert(
      fc.property(process, (p) => {
        expect(envAttributeIds(p)).toHaveLength(2 * Object.keys(p.spec.env).length);
      }),
    );
  });

  test('equal names of many processes are one string when read with an intern', () => {
    const seen = new Map<string, string>();
    const text = (name: string): string => {
      if (!seen.has(name)) seen.set(name, name);
      return seen.get(name) as string;
    };
    const nobody = ['nobody'];
    const intern = {
      text,
      list: (names: readonly string[]) => (names.length > 0 ? nobody : names),
    };
    fc.assert(
      fc.property(process, (p) => {
        const rows = collect((w) => processTable.submitted(w, p));
        const { spec } = decodeProcess(rows.get(liveKey(p)) as string, undefined, { intern });
        expect(spec.names).toEqual(p.spec.names.length > 0 ? nobody : []);
        for (const name of [p.initiatorid, p.initiatorname, p.spec.executortype]) {
          expect(seen.has(name)).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('a waiting process can be read without its text, which is then read alone', () => {
    fc.assert(
      fc.property(process, (p) => {
        const rows = collect((w) => processTable.submitted(w, p));
        const value = rows.get(liveKey(p)) as string;
        const { spec, ...rest } = decodeProcess(value, undefined, { leaveText: true });
        const json = p.state === STATE.waiting ? specLength(p.spec) : p.spec.json;
        expect({ ...rest, spec }).toEqual({ ...p, spec: { ...p.spec, json } });
        expect(decodeSpecText(value)).toBe(p.spec.json);
      }),
    );
  });

  test('a process is never written without its text', () => {
    const p = fc.sample(process, 1)[0] as ProcessRow;
    const left = { ...p, spec: { ...p.spec, json: specLength(p.spec) } };
    expect(() => collect((w) => processTable.submitted(w, left))).toThrow('before it was read');
  });

  test('a row that is cut short or has a line too many is corruption', () => {
    const p = fc.sample(process, 1)[0] as ProcessRow;
    const rows = collect((w) => processTable.submitted(w, p));
    const value = rows.get(liveKey(p)) as string;
    expect(() => decodeProcess(value.slice(0, value.indexOf('\n')))).toThrow('corrupt store');
    expect(() => decodeProcess(`${value}\nmore`)).toThrow('corrupt store');
  });
});

describe('logs', () => {
  test('a line comes back from its row, and deleting it deletes what putting it wrote', () => {
    const row = fc.record({
      processid: fc.oneof(fc.constant(''), id),
      executorname: fc.constantFrom('e', 'é 😀', ''),
      message: text,
      timestampNs: fc.nat(2 ** 44).map((n) => n * 256),
    });
    fc.assert(
      fc.property(row, (line) => {
        expect(decodeLog(line.timestampNs, encodeLog(line))).toEqual(line);
        const put = collect((w) => logTable.put(w, 3, line));
        const del = collect((w) => logTable.del(w, 3, line));
        expect(new Set(del.keys())).toEqual(new Set(put.keys()));
        expect(put.size).toBe(line.processid === '' ? 2 : 3);
      }),
    );
  });
});
