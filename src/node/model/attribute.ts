// An attribute of a process: a typed key and value, set by the executor that runs it.

import { z } from 'zod';
import { int, longText, name, struct, text } from './wire.ts';

export const ATTRIBUTE_TYPE = { in: 0, out: 1, err: 2, env: 3 } as const;

/**
 * ENV as the generations of clients number it: an ENV attribute is found under the id of either.
 */
export const ENV_TYPES = [ATTRIBUTE_TYPE.env, 4] as const;

export const AttributeMsg = struct({
  attributeid: text(),
  targetid: text(),
  targetcolonyname: text(),
  targetprocessgraphid: text(),
  state: int(),
  attributetype: int(),
  key: name(),
  value: longText(),
});

export const Attribute = z.object({
  attributeid: z.string(),
  targetid: z.string(),
  targetcolonyname: z.string(),
  targetprocessgraphid: z.string(),
  state: z.number(),
  attributetype: z.number(),
  key: z.string(),
  value: z.string(),
});
export type Attribute = z.output<typeof Attribute>;

/**
 * The stored attribute; its process, colony, graph and state are those of the process that holds
 * it.
 */
export interface AttributeRow {
  readonly id: string;
  readonly type: number;
  readonly key: string;
  readonly value: string;
}
