// What a client adds to its calls once a server demands protection against replays. The refusal
// says for which server and at what time there, so that no clock has to be right here. Runs in
// browsers.

import { base64ToText, bytesToHex } from '../../node/crypto/bytes.ts';

const NONCE_BYTES = 16;

/** The fields of a protected call; empty while nobody demands any. */
export type ProtectionFields =
  | Record<string, never>
  | { readonly nonce: string; readonly issuedat: number; readonly audience: string };

export interface Protection {
  /** For the next call, made anew each time. */
  fields(): ProtectionFields;
  isOn(): boolean;
  /** Whether a reply refuses a call for want of protection: then it may be sent again, once. */
  isDemandedBy(body: string): boolean;
}

interface Demand {
  readonly server: string;
  /** What the server's clock is ahead of our steady one, milliseconds. */
  readonly aheadMs: number;
}

const readDemand = (body: string, steadyMs: number): Demand | undefined => {
  if (!body.includes('"error":true')) return undefined;
  try {
    const { payload } = JSON.parse(body) as { payload: string };
    const { server, time } = JSON.parse(base64ToText(payload)) as Record<string, unknown>;
    if (typeof server !== 'string' || typeof time !== 'number') return undefined;
    return { server, aheadMs: time - steadyMs };
  } catch {
    // SyntaxError or TypeError: whatever it is, it demands nothing.
    return undefined;
  }
};

/** The protection of the calls of one client to one server. */
export const makeProtection = (steadyMs: () => number = () => performance.now()): Protection => {
  let demand: Demand | undefined;
  return {
    fields: () => {
      if (demand === undefined) return {};
      const nonce = bytesToHex(globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
      const issuedat = Math.round(steadyMs() + demand.aheadMs);
      return { nonce, issuedat, audience: demand.server };
    },
    isOn: () => demand !== undefined,
    isDemandedBy: (body) => {
      const read = readDemand(body, steadyMs());
      demand = read ?? demand;
      return read !== undefined;
    },
  };
};
