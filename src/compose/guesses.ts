// In which colony something is that a message names by its id alone: by the tag in the id, by what
// was relayed before, by the caller's other colonies.

import type { Outgoing } from '../api/dispatch.ts';
import type { Target } from '../api/op.ts';
import { serverTag, type TagBook, tagsOf } from '../federation/ids.ts';
import type { Routes } from '../federation/routes.ts';
import { isId } from '../node/crypto/ids.ts';
import type { Limits } from '../node/limits.ts';
import { decodePayload, type Reply } from '../node/model/envelope.ts';

export interface GuessDeps {
  readonly routes: Routes;
  readonly tags: TagBook;
  readonly serverid: () => string;
  /** Whether this server has the colony. */
  readonly isHere: (colonyid: string) => boolean;
  readonly limits: Limits;
}

/** A colony where something may be, and the tag of the server that has it, if known. */
export interface Guess {
  readonly colonyid: string;
  readonly prefer: string | undefined;
}

export interface Guesses {
  /** Colonies elsewhere to ask for what a message names, best first. */
  for(target: Target, caller: string): Promise<readonly Guess[]>;
  /** Remembers where the things are that a reply names. */
  saw(colonyid: string, reply: Reply): void;
  /** Remembers what an answered call showed of where its caller and things are. */
  learn(call: Outgoing, target: Target, colonyid: string, reply: Reply): Promise<void>;
  /** Remembers that a caller was seen in a colony elsewhere. */
  met(caller: string, colonyid: string): void;
}

const THINGS = /"(?:processid|attributeid|functionid|runtimeid|executorid)":"([0-9a-f]{64})"/g;
const THINGS_MAX = 20;

const thingsIn = ({ body }: Reply, bytesMax: number): readonly string[] => {
  if (body.length > bytesMax) return [];
  const payload = /"payload":"([A-Za-z0-9+/=]*)"/.exec(body)?.[1];
  if (payload === undefined) return [];
  const found = [...decodePayload(payload).matchAll(THINGS)];
  return found.slice(0, THINGS_MAX).map(([, id]) => id as string);
};

const makeSaw =
  ({ routes, limits }: GuessDeps): Guesses['saw'] =>
  (colonyid, reply) => {
    if (reply.status !== 200) return;
    for (const id of thingsIn(reply, limits.relayLearnBytesMax)) routes.rememberThing(id, colonyid);
  };

/** The guesses of one node. */
export const makeGuesses = (deps: GuessDeps): Guesses => {
  const { routes, tags, serverid, isHere, limits } = deps;
  const saw = makeSaw(deps);
  return {
    for: async (target, caller) => {
      if ('colony' in target) {
        const { colony } = target;
        return isId(colony) && !isHere(colony) ? [{ colonyid: colony, prefer: undefined }] : [];
      }
      const thing = 'process' in target ? target.process : target.other;
      const tag = 'process' in target ? tagsOf(thing)?.server : undefined;
      const isOurs = tag === undefined || tag === serverTag(serverid());
      const colonies = await routes.coloniesFor(thing, caller);
      // A process of a colony that is here may still have been made on another of its servers.
      return colonies
        .filter((id) => !isHere(id) || !isOurs)
        .slice(0, limits.relayGuessesMax)
        .map((colonyid) => ({ colonyid, prefer: isOurs ? undefined : tag }));
    },
    learn: async ({ caller }, target, colonyid, reply) => {
      if (reply.status !== 200) return;
      routes.rememberCaller(caller, colonyid);
      if ('other' in target) routes.rememberThing(target.other, colonyid);
      saw(colonyid, reply);
      await tags.remember(colonyid);
    },
    saw,
    met: routes.rememberCaller,
  };
};
