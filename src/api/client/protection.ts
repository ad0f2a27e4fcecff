// What a client adds to its calls against replays: always when it names a colony by its id, for then
// the server it talks to may pass them on; else once a server demands it. The refusal of a call
// that lacks something says for which server and at what time there, so that no clock has to be
// right here. Runs in browsers.

import { base64ToText, bytesToHex } from '../../node/crypto/bytes.ts';

const NONCE_BYTES = 16;

/**
 * The fields of a protected call; empty for one that needs none. The audience is that of the last
 * refusal: nobody knows before who the home of a colony is.
 */
export type ProtectionFields =
  | Record<string, never>
  | { readonly nonce: string; readonly issuedat: number; readonly audience?: string };

/** A message before it is signed. */
export interface Sendable {
  readonly fields: object;
  /** Whether it changes something; others need no audience, so that any host may answer them. */
  readonly mutating: boolean;
}

type Answer = { readonly status: number; readonly body: string };

export interface Protection {
  /** For the next call with this message, made anew each time. */
  fields(message: Sendable): ProtectionFields;
  /** Whether a reply refuses a call for want of protection: then it may be sent again, once. */
  isDemandedBy(body: string): boolean;
  /** Sends a message with its fields, and again when it turns out that other ones are right. */
  exchange<A extends Answer>(
    message: Sendable,
    send: (added: ProtectionFields) => Promise<A>,
  ): Promise<A>;
}

const UNAVAILABLE = 503;

const COLONY_NAMES = ['colonyname', 'colonyid', 'targetcolonyname', 'targetcolonyid'] as const;
const IS_ID = /^[0-9a-f]{64}$/;
/** `spec.conditions.colonyname` is the deepest place for the name of a colony. */
const DEPTH_MAX = 2;

/** Whether a message names its colony by the id. A colony that is being added is named by nobody. */
const namesById = (message: object, depth = 0): boolean => {
  const named = message as Readonly<Record<string, unknown>>;
  if (COLONY_NAMES.some((name) => IS_ID.test(String(named[name])))) return true;
  if (depth === DEPTH_MAX) return false;
  return Object.entries(named).some(
    ([name, part]) =>
      name !== 'colony' &&
      typeof part === 'object' &&
      part !== null &&
      !Array.isArray(part) &&
      namesById(part, depth + 1),
  );
};

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

export interface ProtectionClock {
  /** Epoch milliseconds. */
  wallMs(): number;
  /** Milliseconds of a clock that nobody sets. */
  steadyMs(): number;
}

// Counted from the start of the program: a clock that was set since is told by the first refusal.
const CLOCK: ProtectionClock = {
  wallMs: () => performance.timeOrigin + performance.now(),
  steadyMs: () => performance.now(),
};

/** The protection of the calls of one client to one server. */
export const makeProtection = (clock: ProtectionClock = CLOCK): Protection => {
  let demand: Demand | undefined;
  // From then on every call is protected: one about a process may go where its colony is.
  let mayPass = false;

  const issuedAt = (): number =>
    Math.round(demand === undefined ? clock.wallMs() : clock.steadyMs() + demand.aheadMs);

  const guard = (audience: string | undefined): ProtectionFields => {
    const nonce = bytesToHex(globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
    return { nonce, issuedat: issuedAt(), ...(audience === undefined ? {} : { audience }) };
  };

  const fields = ({ fields: message, mutating }: Sendable): ProtectionFields => {
    mayPass ||= namesById(message);
    if (demand === undefined && !mayPass) return {};
    return guard(mutating ? demand?.server : undefined);
  };

  const isDemandedBy = (body: string): boolean => {
    const read = readDemand(body, clock.steadyMs());
    demand = read ?? demand;
    return read !== undefined;
  };

  return {
    fields,
    isDemandedBy,
    exchange: async (message, send) => {
      const added = fields(message);
      const first = await send(added);
      if (isDemandedBy(first.body)) return send(fields(message));
      if (first.status !== UNAVAILABLE || !mayPass || added.audience === undefined) return first;
      // The home may be gone and another host answer for the colony. Without an audience the call
      // changes nothing anywhere; the refusal says who would take it.
      // A server that answered and then was gone has answered.
      const asked = await send(guard(undefined)).catch(() => first);
      const isElsewhere = isDemandedBy(asked.body) && demand?.server !== added.audience;
      return isElsewhere ? send(fields(message)) : first;
    },
  };
};
