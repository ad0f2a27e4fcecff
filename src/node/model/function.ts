// A function that an executor offers, with the running statistics of its successful calls.

import { z } from 'zod';
import { flag, int, line, list, name, real, struct, text } from './wire.ts';

export const FunctionMsg = struct({
  functionid: text(),
  executorname: text(),
  executortype: name(),
  colonyname: text(),
  funcname: text(),
  description: line(),
  args: list(
    struct({
      name: name(),
      type: line(),
      description: line(),
      required: flag(),
      enum: list(text()),
    }),
  ),
  counter: int(),
  minwaittime: real(),
  maxwaittime: real(),
  minexectime: real(),
  maxexectime: real(),
  avgwaittime: real(),
  avgexectime: real(),
  locationname: name(),
});

const FunctionArg = z.object({
  name: z.string(),
  type: z.string(),
  description: z.string().optional(),
  required: z.boolean().optional(),
  enum: z.array(z.string()).optional(),
});

export const FunctionRecord = z.object({
  functionid: z.string(),
  executorname: z.string(),
  executortype: z.string(),
  colonyname: z.string(),
  funcname: z.string(),
  description: z.string().optional(),
  args: z.array(FunctionArg).optional(),
  counter: z.number(),
  minwaittime: z.number(),
  maxwaittime: z.number(),
  minexectime: z.number(),
  maxexectime: z.number(),
  avgwaittime: z.number(),
  avgexectime: z.number(),
  locationname: z.string().optional(),
});
export type FunctionRecord = z.output<typeof FunctionRecord>;

/** The stored function: what travels, with the colony's number and the executor's id beside it. */
export interface FunctionRow {
  readonly colony: number;
  readonly executorid: string;
  readonly wire: Omit<FunctionRecord, 'colonyname'>;
}

/** The function as it travels; `colonyname` as the request named the colony. */
export const functionWire = (row: FunctionRow, colonyname: string): FunctionRecord => {
  const { functionid, executorname, executortype, ...rest } = row.wire;
  return { functionid, executorname, executortype, colonyname, ...rest };
};

const shorter = (old: number, seen: number): number => (old === 0 ? seen : Math.min(old, seen));
const mean = (old: number, seen: number): number => (old === 0 ? seen : (old + seen) / 2);

/** The statistics after one more successful call that waited `wait` and ran `exec` seconds. */
export const countCall = (row: FunctionRow, wait: number, exec: number): FunctionRow => {
  const f = row.wire;
  return {
    ...row,
    wire: {
      ...f,
      counter: f.counter + 1,
      minwaittime: shorter(f.minwaittime, wait),
      maxwaittime: Math.max(f.maxwaittime, wait),
      minexectime: shorter(f.minexectime, exec),
      maxexectime: Math.max(f.maxexectime, exec),
      avgwaittime: mean(f.avgwaittime, wait),
      avgexectime: mean(f.avgexectime, exec),
    },
  };
};
