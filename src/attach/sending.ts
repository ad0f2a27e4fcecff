// Which host a call goes to, and what it ends with: the home, the next one when no connection to
// the home can
// be made; what lives on one server, to that server only.

import type { Letter } from '../api/client/courier.ts';
import { ColoniesError } from '../api/client/error.ts';
import type { Exchange } from '../api/client/transport.ts';
import { serverTag, tagsOf } from '../federation/ids.ts';
import type { Host, Resolution } from '../federation/resolve.ts';
import type { Deliver, Delivered, Delivery, Undelivered } from './deliver.ts';
import type { Hosts } from './hosts.ts';
import { makesThings, thingOf } from './letter.ts';
import { LIMITS } from './limits.ts';
import { makeReplays, payloadOf } from './replayed.ts';

/** Where the last answer came from. */
export interface Attached {
  readonly serverid: string;
  readonly via: string;
}

export interface Sending {
  /** To the first host that can be reached. Throws ColoniesError. */
  send(letter: Letter, signal: AbortSignal): Promise<Exchange>;
  /** To this server and no other, also when the colony does not name it. Throws ColoniesError. */
  sendTo(serverid: string, letter: Letter, signal: AbortSignal): Promise<Exchange>;
  attached(): Attached | undefined;
  /** The hosts that may answer a letter, in order. */
  hostsFor(letter: Letter | undefined): Promise<readonly Host[]>;
}

const NO_HOST: Undelivered = { kind: 'unreachable', reason: 'its record names no host' };

/** The error that a call ends with when no host answered it. */
const failure = (
  colonyid: string,
  letter: Letter,
  { kind, reason }: Undelivered,
): ColoniesError => {
  if (kind === 'denied') {
    const text = `not home of colony ${colonyid} (${reason})`;
    return new ColoniesError('not-home', text, { status: 421 });
  }
  if (kind === 'unreachable') {
    const text = `no host of colony ${colonyid} could be reached: ${reason}`;
    return new ColoniesError('unreachable', text);
  }
  if (letter.kind === 'write') {
    return new ColoniesError('outcome-unknown', `outcome unknown: ${reason}`, { status: 502 });
  }
  return kind === 'refused'
    ? new ColoniesError('bad-reply', `the reply was refused: ${reason}`)
    : new ColoniesError('unreachable', `no answer: ${reason}`);
};

/** Which server a thing lives on, as its id and earlier replies say. */
const makeTrail = () => {
  const seen = new Map<string, string>();
  return {
    note: (body: string, serverid: string): void => {
      const id = (payloadOf(body) as { processid?: unknown } | undefined)?.processid;
      if (typeof id !== 'string') return;
      seen.delete(id);
      seen.set(id, serverid);
      const oldest = seen.size > LIMITS.attachThingsMax ? seen.keys().next().value : undefined;
      if (oldest !== undefined) seen.delete(oldest);
    },
    of: (thing: string, hosts: readonly Host[]): string | undefined => {
      const known = seen.get(thing);
      if (known !== undefined) return known;
      const tag = tagsOf(thing)?.server;
      return hosts.find(({ serverid }) => serverTag(serverid) === tag)?.serverid;
    },
  };
};

const usable = ({ hosts }: Resolution): readonly Host[] =>
  hosts.filter((host) => host.usable && host.record !== undefined);

const isHarmless = ({ kind }: Undelivered): boolean => kind === 'unreachable' || kind === 'denied';

/** Deliveries that know of replays and remember what lives where. */
const makeCareful = (deliver: Deliver, trail: ReturnType<typeof makeTrail>): Deliver => {
  const settle = makeReplays(deliver);
  return async (letter, host, signal): Promise<Delivery> => {
    const first = await deliver(letter, host, signal);
    if (first.kind !== 'answer') return first;
    const delivery = first.again ? await settle(letter, host, first, signal) : first;
    if (delivery.kind === 'answer' && makesThings(letter.payloadtype)) {
      trail.note(delivery.reply.body, host.serverid);
    }
    return delivery;
  };
};

interface Round {
  readonly delivery: Delivery;
  readonly host: Host | undefined;
}

/** Tries hosts in order until one could be reached; `tried` are not tried again. */
const makeRound =
  (deliver: Deliver) =>
  async (
    letter: Letter,
    hosts: readonly Host[],
    tried: Set<string>,
    signal: AbortSignal,
  ): Promise<Round> => {
    let result: Undelivered = NO_HOST;
    const reasons: string[] = [];
    for (const host of hosts) {
      const name = `${host.serverid} ${host.record?.hash}`;
      if (tried.has(name)) continue;
      tried.add(name);
      const delivery = await deliver(letter, host, signal);
      if (delivery.kind === 'answer') return { delivery, host };
      // Sent and not answered: the next host would perhaps do it a second time, or know nothing of it.
      if (!isHarmless(delivery)) return { delivery, host };
      reasons.push(delivery.reason);
      if (result.kind !== 'denied') result = delivery;
    }
    const reason = reasons.length > 0 ? reasons.join('; ') : result.reason;
    return { delivery: { ...result, reason }, host: undefined };
  };

/** The sending side of an attachment. */
export const makeSending = (
  colonyid: string,
  hosts: Hosts,
  deliver: Deliver,
  lookUp: (serverid: string) => Promise<Host>,
): Sending => {
  const trail = makeTrail();
  const careful = makeCareful(deliver, trail);
  const round = makeRound(careful);
  let last: Attached | undefined;

  const answered = ({ reply, via }: Delivered, { serverid }: Host): Exchange => {
    last = { serverid, via };
    return { status: reply.status, body: reply.body };
  };

  const hostOf = async (serverid: string): Promise<Host> => {
    const known = hosts.find(serverid);
    if (known !== undefined) return known;
    await hosts.refresh();
    const found = hosts.find(serverid) ?? (await lookUp(serverid));
    if (found.record !== undefined) return found;
    throw new ColoniesError('unreachable', `no record of server ${serverid} is known`);
  };

  const sendTo: Sending['sendTo'] = async (serverid, letter, signal) => {
    const host = await hostOf(serverid);
    const delivery = await careful(letter, host, signal);
    if (delivery.kind === 'answer') return answered(delivery, host);
    throw failure(colonyid, letter, delivery);
  };

  /** The one server that a letter's thing lives on, when it is known. */
  const placeFor = (letter: Letter | undefined, known: Resolution): string | undefined => {
    const thing = letter && thingOf(letter.fields);
    return thing === undefined ? undefined : trail.of(thing, known.hosts);
  };

  const send: Sending['send'] = async (letter, signal) => {
    const known = await hosts.current();
    const only = placeFor(letter, known);
    // What lives on one server is nowhere else.
    if (only !== undefined) return sendTo(only, letter, signal);
    const tried = new Set<string>();
    let { delivery, host } = await round(letter, usable(known), tried, signal);
    if (delivery.kind !== 'answer' && isHarmless(delivery)) {
      // Moved, perhaps: once more with what the nodes say now.
      const triedBefore = tried.size;
      const second = await round(letter, usable(await hosts.refresh()), tried, signal);
      if (tried.size > triedBefore) ({ delivery, host } = second);
    }
    if (delivery.kind === 'answer' && host !== undefined) return answered(delivery, host);
    throw failure(colonyid, letter, delivery.kind === 'answer' ? NO_HOST : delivery);
  };

  return {
    send,
    sendTo,
    attached: () => last,
    hostsFor: async (letter) => {
      const known = await hosts.current();
      const only = placeFor(letter, known);
      const host = only === undefined ? undefined : hosts.find(only);
      return host === undefined ? usable(known) : [host];
    },
  };
};
