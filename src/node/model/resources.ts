// Resource strings: "500m" of cpu, "10Gi" of memory. A deterministic superset of what the original
// servers take; the output form is theirs.

import { fault } from '../errors.ts';

const UNITS: Readonly<Record<string, number>> = {
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
};

const CPU = /^([+-]?\d{1,15})(m?)$/;
const MEMORY = /^([+-]?\d{1,15})([A-Za-z]+)$/;

/** Millicores of "500m" or "4" (cores); '' is 0. Throws bad-request on anything else. */
export const parseCpu = (text: string): number => {
  if (text === '') return 0;
  const match = CPU.exec(text);
  if (!match) {
    throw fault('bad-request', `Error converting CPU to int: "${text}" is not like "500m" or "4"`);
  }
  return Number(match[1]) * (match[2] === 'm' ? 1 : 1000);
};

/** Bytes of "10Gi", "512MiB", "1G"; '' is 0. Throws bad-request on a missing or unknown unit. */
export const parseMemory = (text: string): number => {
  if (text === '') return 0;
  const match = MEMORY.exec(text);
  const unit = match ? UNITS[match[2] ?? ''] : undefined;
  if (!match || unit === undefined) {
    throw fault(
      'bad-request',
      `error converting memory to int: "${text}" is not an integer with a unit such as Mi, Gi, MB or GB`,
    );
  }
  return Number(match[1]) * unit;
};

/** Millicores as "500m". */
export const cpuText = (milli: number): string => `${milli}m`;

/** Bytes as whole mebibytes, rounded down: "9536Mi". */
export const memoryText = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}Mi`;
