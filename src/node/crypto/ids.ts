// Ids that are computed: the attribute id rule and the shape of every id.

import { sha3Hex } from './hash.ts';

const ID = /^[0-9a-f]{64}$/;

/** Whether `text` has the shape of an id: 64 lower-case hex digits. */
export const isId = (text: string): boolean => ID.test(text);

/**
 * Attribute id: SHA3-256 of target id, key and decimal type, without separators (protocol, section
 * 1.1).
 */
export const attributeId = (targetid: string, key: string, type: number): string =>
  sha3Hex(`${targetid}${key}${type}`);
