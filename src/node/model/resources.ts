// Resource strings: "500m" of cpu, "10Gi" of memory. A deterministic superset of what the original
// servers take; the output form is theirs.

import { fault } from '../errors.ts';

const UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    Ki: 2 ** 10,
    KiB: 2 ** 10,
    Mi: 2 ** 20,
    MiB: 2 ** 20,
    Gi: 2 ** 30,
    GiB: 2 ** 30,
    Ti: 2 ** 40,
    TiB: 2 ** 40,
    K: 1e3,
    KB: 1e3,
    Kb: 1e3,
    M: 1e6,
    MB: 1e6,
    Mb: 1e6,
    G: 1e9,
    GB: 1e9,
    Gb: 1e9,
    T: 1e12,
    TB: 1e12,
    Tb: 1e12,
  }),
);

const CPU = /^([+-]?\d{1,15})(m?)$/;
const MEMORY = /^([+-]?\d{1,15})([A-Za-z]+)$/;

const SHOWN = 40;
const refuse = (what: string, text: string, expected: string): never => {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  throw fault('bad-request', `${what}: "${shown}" is not ${expected}`);
};

/** The amount, refused where a double no longer tells neighbours apart. */
const exact = (what: string, text: string, amount: number): number =>
  Number.isSafeInteger(amount) ? amount : refuse(what, text, 'within the range of a server');

/** Millicores of "500m" or "4" (cores); '' is 0. Throws bad-request on anything else. */
export const parseCpu = (text: string): number => {
  if (text === '') return 0;
  const what = 'Error converting CPU to int';
  const match = CPU.exec(text);
  if (!match) return refuse(what, text, 'like "500m" or "4"');
  return exact(what, text, Number(match[1]) * (match[2] === 'm' ? 1 : 1000));
};

/** Bytes of "10Gi", "512MiB", "1G"; '' is 0. Throws bad-request on a missing or unknown unit. */
export const parseMemory = (text: string): number => {
  if (text === '') return 0;
  const what = 'error converting memory to int';
  const match = MEMORY.exec(text);
  const unit = UNITS.get(match?.[2] ?? '');
  if (!match || unit === undefined) {
    return refuse(what, text, 'an integer with a unit such as Mi, Gi, MB or GB');
  }
  return exact(what, text, Number(match[1]) * unit);
};

/** Millicores as "500m". */
export const cpuText = (milli: number): string => `${milli}m`;

/** Bytes as whole mebibytes, rounded down: "9536Mi". */
export const memoryText = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}Mi`;
