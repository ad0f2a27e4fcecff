// What the original answered to odd calls: every message with nothing but its type, and malformed envelopes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Probe {
  /** 'UNKNOWN', 'KNOWN' or 'misc'. */
  readonly section: string;
  /** The payload type, or the name of an odd call. */
  readonly name: string;
  readonly status: number;
  /** Decoded reply payload as text; '' for an empty body. */
  readonly payload: string;
}

const LINE =
  /^\s*(?:\('(?<type>\w+)', )?(?<name>[^(]*)\((?<status>\d+), (?:'\w+'|None), \w+, '(?<text>.*)'\)\)?$/;

const unquote = (text: string): string =>
  text.replace(/\\(.)/g, (_all, c: string) => (c === 'n' ? '\n' : c));

/** The calls whose answers were recorded as a status and a payload. */
export const probes = (): Probe[] => {
  let section = '';
  const found: Probe[] = [];
  const file = readFileSync(join(import.meta.dirname, 'probe.txt'), 'utf8');
  for (const line of file.split('\n')) {
    const heading = /^(UNKNOWN|KNOWN|--- misc)/.exec(line)?.[1];
    if (heading !== undefined) section = heading.replace('--- ', '');
    const groups = LINE.exec(line)?.groups;
    if (heading !== undefined || groups === undefined) continue;
    found.push({
      section,
      name: groups['type'] ?? (groups['name'] ?? '').trim(),
      status: Number(groups['status']),
      payload: unquote(groups['text'] ?? ''),
    });
  }
  return found;
};
