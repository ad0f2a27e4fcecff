// Which dialect a message speaks. Two generations of clients share one endpoint and 14 payload
// types; this decides from what the message says and, where it says nothing, from what its sender
// said before. Pure: the facts come in as arguments, and nothing here knows a connection, a member
// or the engine.

export type DialectName = 'executor' | 'runtime';

export const isDialectName = (text: unknown): text is DialectName =>
  text === 'executor' || text === 'runtime';

/** What is known about a message and its sender. */
export interface Facts {
  readonly payloadtype: string;
  /** Which dialects have this payload type. */
  readonly has: { readonly executor: boolean; readonly runtime: boolean };
  /** The parsed payload; anything when it could not be parsed. */
  readonly payload: unknown;
  /** The dialect that the sender last showed on this connection. */
  readonly onConnection: DialectName | undefined;
  /** The dialect that the sender last showed anywhere. */
  readonly last: DialectName | undefined;
  /** The dialect in which the sender was registered. */
  readonly registered: DialectName | undefined;
}

interface Telling {
  readonly runtime?: readonly string[];
  readonly executor?: readonly string[];
}

// Fields that only one dialect sends, by shared payload type. The types that are not here
// (addcolonymsg, getcoloniesmsg, versionmsg) are the same in both dialects. Messages about
// one process or attribute name no colony; a sender may name one all the same, to tell how it
// speaks.
const TELLING: Readonly<Record<string, Telling>> = {
  getcolonymsg: { runtime: ['colonyid'], executor: ['colonyname'] },
  assignprocessmsg: {
    runtime: ['colonyid'],
    executor: ['colonyname', 'availablecpu', 'availablemem'],
  },
  getprocessesmsg: {
    runtime: ['colonyid'],
    executor: ['colonyname', 'executortype', 'label', 'initiator'],
  },
  getprocesshistmsg: {
    runtime: ['colonyid', 'runtimeid'],
    executor: ['colonyname', 'executorid'],
  },
  getprocessmsg: { runtime: ['colonyid'], executor: ['colonyname'] },
  getattributemsg: { runtime: ['colonyid'], executor: ['colonyname'] },
  closesuccessfulmsg: { runtime: ['colonyid'], executor: ['out', 'colonyname'] },
  closefailedmsg: { runtime: ['colonyid'], executor: ['errors', 'colonyname'] },
  addattributemsg: {
    runtime: ['attribute.targetcolonyid'],
    executor: ['attribute.targetcolonyname', 'attribute.targetprocessgraphid', 'attribute.state'],
  },
  subscribeprocessmsg: { runtime: ['colonyid'], executor: ['colonyname', 'executortype'] },
  subscribeprocessesmsg: {
    runtime: ['runtimetype'],
    executor: ['colonyname', 'executortype'],
  },
};

// Names match in any case, as everywhere on this wire.
const member = (value: unknown, name: string): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const key = Object.keys(value).find((k) => k.toLowerCase() === name);
  return key === undefined ? undefined : (value as Record<string, unknown>)[key];
};

const sends = (payload: unknown, path: string): boolean => {
  const value = path.split('.').reduce(member, payload);
  return value !== undefined && value !== null;
};

/**
 * What the message itself says: its payload type when only one dialect has it, else its fields.
 * Undefined when it says nothing, or contradicts itself. Only this is worth remembering about a
 * sender.
 */
export const evidence = ({
  payloadtype,
  has,
  payload,
}: Pick<Facts, 'payloadtype' | 'has' | 'payload'>): DialectName | undefined => {
  if (has.executor !== has.runtime) return has.runtime ? 'runtime' : 'executor';
  if (!Object.hasOwn(TELLING, payloadtype)) return undefined;
  const telling = TELLING[payloadtype] ?? {};
  const runtime = (telling.runtime ?? []).some((path) => sends(payload, path));
  const executor = (telling.executor ?? []).some((path) => sends(payload, path));
  if (runtime === executor) return undefined;
  return runtime ? 'runtime' : 'executor';
};

/** The dialect of a message: its own words, then its sender's history, then `executor`. */
export const detect = (facts: Facts): DialectName =>
  evidence(facts) ?? facts.onConnection ?? facts.last ?? facts.registered ?? 'executor';
