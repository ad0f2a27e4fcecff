// Where a call goes that is not for this node: the dispatcher asks with what the message names, and
// the federation's relay finds the host. Calls that were relayed here are never sent on.

import type { Elsewhere, Outgoing } from '../api/dispatch.ts';
import type { Onward, Unproven } from '../api/onward.ts';
import type { Target } from '../api/op.ts';
import type { WatchElsewhere } from '../api/ws.ts';
import { serverTag, tagsOf } from '../federation/ids.ts';
import { type Call, isDenied, lostOn, type Relay, type Send } from '../federation/relay.ts';
import { isId } from '../node/crypto/ids.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Log } from '../node/log.ts';
import { decodePayload, type Reply } from '../node/model/envelope.ts';
import { NEVER } from '../node/signals.ts';
import { openFollowing } from './following.ts';
import type { Guesses } from './guesses.ts';
import type { RelayedCall } from './relay-out.ts';
import type { WatchCall } from './relay-watch.ts';
import type { Road, Roads, RoadsFrom } from './roads.ts';

export interface OutwardDeps {
  readonly relay: Relay;
  readonly guesses: Guesses;
  readonly roads: Roads;
  readonly sendCall: (call: RelayedCall) => Send<Reply>;
  readonly sendWatch: (call: WatchCall) => Send<() => void>;
  /** Whether a caller belongs to a colony of this node. */
  readonly isMemberHere: (caller: string) => boolean;
  /** Counts what became of relayed calls, by name. */
  readonly count: (name: string) => void;
  readonly log: Log;
  readonly limits: Limits;
}

/** A bounded number of calls on their way. */
const makeGate = (max: number, what: string) => {
  let inside = 0;
  return {
    enter: (): (() => void) => {
      if (inside >= max) throw fault('too-many', `too many ${what} are relayed by this node`);
      inside += 1;
      let isOver = false;
      return () => {
        if (!isOver) inside -= 1;
        isOver = true;
      };
    },
    inside: () => inside,
  };
};

/** Undefined when nobody knows the colony: then the refusal is that of a node without others. */
const makeRoute =
  ({ relay, count }: OutwardDeps) =>
  async <T>(call: Call, send: Send<T>): Promise<T | undefined> => {
    try {
      return await relay.route(call, send);
    } catch (error) {
      if (error instanceof Fault && error.code === 'not-found') return undefined;
      count(error instanceof Fault ? error.code : 'internal');
      throw error;
    }
  };

// Our clients write the server that a call is for at the end of its payload.
const AUDIENCE = '"audience":"';
const ID_CHARACTERS = 64;
const TAIL_CHARACTERS = 512;

/**
 * Tag of the server that a payload (base64) says it is for. A hint where to send it: every other
 * server refuses it.
 */
export const audienceTag = (payload: string): string | undefined => {
  const from = Math.max(0, payload.length - TAIL_CHARACTERS);
  // Whole groups of four only.
  const text = decodePayload(payload.slice(from + ((4 - (from % 4)) % 4)));
  const at = text.lastIndexOf(AUDIENCE);
  if (at < 0) return undefined;
  const end = at + AUDIENCE.length + ID_CHARACTERS;
  const audience = text.slice(at + AUDIENCE.length, end);
  return text[end] === '"' && isId(audience) ? serverTag(audience) : undefined;
};

type Route = ReturnType<typeof makeRoute>;
type Gate = ReturnType<typeof makeGate>;

const noWhere = (): Fault =>
  fault(
    'not-found',
    'nothing with this id is on this server, and it does not know in which colony elsewhere it ' +
      'may be: make a call that names the colony by its id first',
  );

/** Whether a colony's home says that it does not have what was asked for by its id alone. */
const isAbsent = (target: Target, kind: Outgoing['kind'], status: number): boolean => {
  if ('colony' in target) return false;
  // Who reads an attribute is told so with 400; that the message is well-formed is known here.
  return status === 404 || (status === 400 && kind === 'read' && 'other' in target);
};

/** Whether a colony that could not be asked leaves it open that the thing is in the next one. */
const leavesOpen = (target: Target, error: unknown): error is Fault =>
  !('colony' in target) &&
  error instanceof Fault &&
  (error.code === 'unavailable' || error.code === 'not-home');

const makeCalls =
  (
    { guesses, roads, sendCall, isMemberHere, count, limits }: OutwardDeps,
    route: Route,
    short: Gate,
    waiting: Gate,
  ): Elsewhere =>
  async (target, call) => {
    const { caller, kind, body, origin } = call;
    let where = await guesses.for(target, caller);
    if (where.length === 0) {
      if ('colony' in target || isMemberHere(caller)) return undefined;
      // Whoever followed others of his connection is not known here by name.
      const followed = roads.colonies(origin).slice(0, limits.relayGuessesMax);
      where = followed.map((colonyid) => ({ colonyid, prefer: undefined }));
      if (where.length === 0) throw noWhere();
    }
    const waits = kind === 'wait';
    const leave = (waits ? waiting : short).enter();
    // A short call ends soon enough by itself; only one that waits is worth cancelling.
    const signal = waits ? origin.signal : NEVER;
    const payer = { address: origin.address, caller };
    const meant = audienceTag(call.envelope.payload);
    let last: Reply | undefined;
    let unasked: Fault | undefined;
    let denied: Fault | undefined;
    try {
      for (const guess of where) {
        const prefer = guess.prefer ?? meant;
        const asked = { ...guess, prefer, mutating: kind !== 'read', payer, signal };
        const send = sendCall({ body, waits, signal });
        let road: Road | undefined;
        try {
          const reply = await route(asked, (host, via) => {
            road = { colonyid: guess.colonyid, host, via };
            return send(host, via);
          });
          if (reply === undefined) continue;
          last = reply;
          // Nothing happened there, and it may be in the next colony. A poll has waited enough.
          if (isAbsent(target, kind, reply.status) && !waits) continue;
          unasked = undefined;
          await guesses.learn(call, target, guess.colonyid, reply);
          // Another host than the first was asked because it has this one thing: others go home.
          const isUsual = prefer === undefined || road?.host.home === true;
          if (road !== undefined && isUsual && reply.status === 200) roads.note(origin, road);
          break;
        } catch (error) {
          if (!leavesOpen(target, error) || signal.aborted) throw error;
          if (error.code === 'not-home') denied ??= error;
          else unasked ??= error;
        }
      }
    } finally {
      leave();
    }
    // That the others do not have it says nothing while one could not be asked.
    const open = unasked ?? (last === undefined ? denied : undefined);
    if (open !== undefined) throw open;
    if (last !== undefined) count('answered');
    return last;
  };

/** Short calls over ways that calls of their connection took a moment ago. */
const makeOnward = ({ roads, guesses, sendCall, count }: OutwardDeps, short: Gate): Onward => {
  const travel = async (
    from: RoadsFrom,
    road: Road,
    target: Target,
    { body, kind }: Unproven,
  ): Promise<Reply | undefined> => {
    const leave = short.enter();
    try {
      const { host, via, colonyid } = road;
      const attempt = await sendCall({ body, waits: false, signal: NEVER })(host, via);
      if (attempt.kind === 'answer' && !isDenied(attempt.status)) {
        if (isAbsent(target, kind, attempt.status)) return undefined;
        guesses.saw(colonyid, attempt.value);
        count('answered');
        return attempt.value;
      }
      from.drop(road);
      if (attempt.kind === 'lost' && kind !== 'read') throw lostOn(host, attempt.reason);
      return undefined;
    } finally {
      leave();
    }
  };
  return (origin) => {
    const from = roads.from(origin);
    return (
      from &&
      ((target, call) => {
        const road = from.to(target, call.audience);
        return road && travel(from, road, target, call);
      })
    );
  };
};

const makeWatches =
  ({ guesses, sendWatch, count, log }: OutwardDeps, route: Route, waiting: Gate): WatchElsewhere =>
  async (target, { envelope, caller, origin, body, frame, ended }) => {
    const [guess] = await guesses.for(target, caller);
    if (guess === undefined) return undefined;
    const leave = waiting.enter();
    const { signal } = origin;
    const prefer = guess.prefer ?? audienceTag(envelope.payload);
    const payer = { address: origin.address, caller };
    const asked = { ...guess, prefer, mutating: false, signal, payer };
    const onEnded = (): void => {
      leave();
      ended();
    };
    const lost = (error?: unknown): void => {
      leave();
      if (error === undefined || error instanceof Fault) return;
      log.error('a subscription could not follow', { error });
    };
    let end: (() => void) | undefined;
    try {
      end = await openFollowing(
        (denied, to) => route({ ...asked, denied }, sendWatch({ body, ...to, signal })),
        { frame, ended: onEnded },
        lost,
      );
    } finally {
      if (end === undefined) leave();
    }
    if (end === undefined) return undefined;
    guesses.met(caller, guess.colonyid);
    count('subscribed');
    const close = end;
    return () => {
      leave();
      close();
    };
  };

export interface Outward {
  readonly calls: Elsewhere;
  readonly onward: Onward;
  readonly watches: WatchElsewhere;
  /** Calls on their way. */
  counts(): { readonly short: number; readonly waiting: number };
}

/** The ways out of one node; long polls and subscriptions have a limit of their own. */
export const makeOutward = (deps: OutwardDeps): Outward => {
  const route = makeRoute(deps);
  const short = makeGate(deps.limits.relaysMax, 'calls');
  const waiting = makeGate(deps.limits.relayWaitsMax, 'waiting calls');
  return {
    calls: makeCalls(deps, route, short, waiting),
    onward: makeOnward(deps, short),
    watches: makeWatches(deps, route, waiting),
    counts: () => ({ short: short.inside(), waiting: waiting.inside() }),
  };
};

/**
 * The router of calls that were relayed here: it refuses what is not here with 421, so that whoever
 * relayed looks anew. `isHome`: whether this server answers for a colony; `hasTag`: whether a
 * colony with this tag is here.
 */
export const makeInward = (
  isHome: (colonyid: string) => boolean,
  hasTag: (colonyTag: string) => boolean,
): { readonly calls: Elsewhere; readonly watches: WatchElsewhere } => {
  const check = async (target: Target): Promise<undefined> => {
    // The colony may be here, and something in it that was asked for may not.
    if ('colony' in target && isId(target.colony) && !isHome(target.colony)) {
      throw fault('not-home', `not home of colony ${target.colony}`);
    }
    const tags = 'process' in target ? tagsOf(target.process) : undefined;
    if (tags !== undefined && !hasTag(tags.colony)) {
      throw fault('not-home', 'not home of the colony of this process');
    }
    return undefined;
  };
  return { calls: check, watches: check };
};
