// Processes and attributes as a 2022 client sees them, whichever dialect they came in. Pure.

import { attributeId } from '../../../node/crypto/ids.ts';
import { ATTRIBUTE_TYPE, type AttributeRow } from '../../../node/model/attribute.ts';
import { JsonText, parseJson, stringifyJson } from '../../../node/model/json.ts';
import {
  type ProcessRow,
  priorityTime,
  processTailJson,
  STATE,
} from '../../../node/model/process.ts';
import { timeText } from '../../../node/model/time.ts';
import type { RuntimeAttribute, RuntimeProcess } from '../shapes.ts';
import { asText, bothSpec, type IdOf, type Named } from './spec.ts';

/** ENV in 2022; today's number for it is ATTRIBUTE_TYPE.env, which 2022 does not use. */
export const ENV_2022 = 4;

/** Attribute with this key and type OUT is what a 2022 worker printed. */
export const OUTPUT_KEY = 'output';
const ERROR_KEY = 'error';

/** 2022 has no cancelled state: who waits for an end in state 2 or 3 must see one. */
export const state2022 = (state: number): number =>
  state === STATE.cancelled ? STATE.failed : state;

/**
 * The states of the model that are this state in 2022; none for a number that is no state there.
 */
export const statesOf2022 = (state: number): readonly number[] => {
  if (state === STATE.failed) return [STATE.failed, STATE.cancelled];
  return state === STATE.waiting || state === STATE.running || state === STATE.success
    ? [state]
    : [];
};

type Shown = Pick<AttributeRow, 'type' | 'key' | 'value'> & Partial<Pick<AttributeRow, 'id'>>;

/**
 * One attribute in both vocabularies. ENV has the 2022 number; the id of one that follows from the
 * specification is computed with that number, so it is another one than today's clients see, and
 * both are found.
 */
export const attributeWire2022 = (row: Shown, p: ProcessRow, colony: Named): RuntimeAttribute => {
  const attributetype = row.type === ATTRIBUTE_TYPE.env ? ENV_2022 : row.type;
  const stored = row.id !== undefined && p.attributes.some(({ id }) => id === row.id);
  return {
    attributeid:
      stored && row.id !== undefined ? row.id : attributeId(p.id, row.key, attributetype),
    targetid: p.id,
    targetcolonyid: colony.id,
    attributetype,
    key: row.key,
    value: row.value,
    targetcolonyname: colony.name,
    targetprocessgraphid: '',
    state: p.state,
  };
};

// A single value as text, several as a JSON list.
const listAsText = (json: string): string => {
  const values = parseJson(json) as unknown[];
  return values.length === 1 ? asText(values[0]) : json;
};

const has = (p: ProcessRow, type: number, key?: string): boolean =>
  p.attributes.some((row) => row.type === type && (key === undefined || row.key === key));

// Output and errors have fields of their own today. Where the worker set no attribute for them, a
// 2022 client is shown the one that a 2022 worker would have set.
const derived = (p: ProcessRow): Omit<AttributeRow, 'id'>[] => {
  const rows: Omit<AttributeRow, 'id'>[] = [];
  if (p.out !== '[]' && !has(p, ATTRIBUTE_TYPE.out, OUTPUT_KEY)) {
    rows.push({ type: ATTRIBUTE_TYPE.out, key: OUTPUT_KEY, value: listAsText(p.out) });
  }
  if (p.errors !== '[]' && !has(p, ATTRIBUTE_TYPE.err)) {
    rows.push({ type: ATTRIBUTE_TYPE.err, key: ERROR_KEY, value: listAsText(p.errors) });
  }
  return rows;
};

/**
 * Every attribute of the process: ENV of its specification, those set, those derived from its
 * outcome.
 */
export const attributesOf2022 = (p: ProcessRow, colony: Named): RuntimeAttribute[] => {
  const env = Object.entries(p.spec.env).map(([key, value]) => ({
    type: ATTRIBUTE_TYPE.env,
    key,
    value,
  }));
  return [...env, ...p.attributes, ...derived(p)].map((row) => attributeWire2022(row, p, colony));
};

/** The process in both vocabularies, 2022's first, as JSON text. */
export const processJson2022 = (p: ProcessRow, colony: Named, idOf: IdOf): string => {
  const deadline = timeText(p.execDeadlineUs);
  const head = stringifyJson({
    processid: p.id,
    assignedruntimeid: p.executorid,
    isassigned: p.assigned,
    state: state2022(p.state),
    submissiontime: timeText(p.submittedUs),
    starttime: timeText(p.startedUs),
    endtime: timeText(p.endedUs),
    deadline,
    retries: p.retries,
    attributes: attributesOf2022(p, colony),
    spec: bothSpec(p, colony, idOf),
    initiatorid: p.initiatorid,
    initiatorname: p.initiatorname,
    assignedexecutorid: p.executorid,
    waitdeadline: timeText(p.waitDeadlineUs),
    execdeadline: deadline,
  });
  return `${head.slice(0, -1)},"prioritytime":${priorityTime(p.orderUs)},${processTailJson(p)}}`;
};

/** A process as a reply. */
export const processReply = (p: ProcessRow, colony: Named, idOf: IdOf): JsonText<RuntimeProcess> =>
  new JsonText(processJson2022(p, colony, idOf));

/** Processes as a reply. */
export const processesReply = (
  list: readonly ProcessRow[],
  colony: Named,
  idOf: IdOf,
): JsonText<RuntimeProcess[]> =>
  new JsonText(`[${list.map((p) => processJson2022(p, colony, idOf)).join(',')}]`);

/**
 * What closing in 2022 words leaves for clients of today: the worker's `output` attribute as the
 * output, unless it set one. JSON list, or undefined to keep what is stored.
 */
export const outOf = (p: ProcessRow): string | undefined => {
  if (p.out !== '[]') return undefined;
  const output = p.attributes.find(
    (row) => row.type === ATTRIBUTE_TYPE.out && row.key === OUTPUT_KEY,
  );
  return output === undefined ? undefined : JSON.stringify([output.value]);
};

/** Likewise for a failure: the values of the worker's ERR attributes. JSON list. */
export const errorsOf = (p: ProcessRow): string =>
  JSON.stringify(p.attributes.filter((r) => r.type === ATTRIBUTE_TYPE.err).map((r) => r.value));
