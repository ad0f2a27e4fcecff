// Ways that calls of a connection took a moment ago. While one is fresh, the next call on that
// connection for the same colony goes the same way, and its signature is recovered at the home
// only: whom this node has to know it learned from the call before.

import type { Target } from '../api/op.ts';
import { colonyTag, serverTag, tagsOf } from '../federation/ids.ts';
import type { Host } from '../federation/resolve.ts';
import type { Clock } from '../node/clock.ts';
import type { Limits } from '../node/limits.ts';
import type { Origin } from '../node/model/envelope.ts';
import { makeRecent, type Recent } from '../node/recent.ts';

/** Where the calls for a colony went, and the route that proved itself. */
export interface Road {
  readonly colonyid: string;
  readonly host: Host;
  readonly via: string | undefined;
}

/** The fresh roads of one connection. */
export interface RoadsFrom {
  /** The road to what a message names; `audience` is the server that it says it is for, if any. */
  to(target: Target, audience: unknown): Road | undefined;
  /** It did not lead there. */
  drop(road: Road): void;
}

export interface Roads {
  note(origin: Origin, road: Road): void;
  /** The colonies that calls of a connection went to, the last one first, however long ago. */
  colonies(origin: Origin): readonly string[];
  /** Undefined when the connection has none. */
  from(origin: Origin): RoadsFrom | undefined;
}

interface Noted {
  readonly road: Road;
  readonly until: number;
}

interface Known {
  readonly roads: Recent<Noted>;
  /** When the last of them ends: until then calls of the connection are read for what they name. */
  readonly until: number;
}

export interface RoadsDeps {
  /** Whether this server has a colony: calls for it stay. */
  readonly isHere: (colonyid: string) => boolean;
  /** Whether the key of an identity was declared dead. */
  readonly isRevoked: (id: string) => boolean;
  readonly clock: Pick<Clock, 'now'>;
  readonly limits: Pick<Limits, 'relayRoadMs' | 'relayRoadsPerConnectionMax'>;
}

const leadsTo = (target: Target, { colonyid, host }: Road): boolean => {
  if ('colony' in target) return target.colony === colonyid;
  const tags = 'process' in target ? tagsOf(target.process) : undefined;
  return tags?.colony === colonyTag(colonyid) && tags.server === serverTag(host.serverid);
};

/** The colony that a road is asked for by: a process shows it in its tag. */
const nameOf = (target: Target): string | undefined => {
  if ('colony' in target) return colonyTag(target.colony);
  return 'process' in target ? tagsOf(target.process)?.colony : undefined;
};

/** The memory of roads, forgotten with their connections. */
export const makeRoads = ({ isHere, isRevoked, clock, limits }: RoadsDeps): Roads => {
  const isDead = ({ serverid, record }: Host): boolean =>
    isRevoked(serverid) || (record !== undefined && isRevoked(record.signer));
  const connections = new WeakMap<Origin['connection'], Known>();

  return {
    note: ({ connection }, road) => {
      const until = clock.now() + limits.relayRoadMs;
      const known = connections.get(connection);
      const roads = known?.roads ?? makeRecent(limits.relayRoadsPerConnectionMax);
      connections.set(connection, { roads, until });
      roads.set(colonyTag(road.colonyid), { road, until });
    },
    colonies: ({ connection }) => {
      const noted = [...(connections.get(connection)?.roads.values() ?? [])];
      return noted.map(({ road }) => road.colonyid).reverse();
    },
    from: ({ connection }) => {
      const known = connections.get(connection);
      if (known === undefined || known.until <= clock.now()) return undefined;
      return {
        to: (target, audience) => {
          const name = nameOf(target);
          const noted = name === undefined ? undefined : known.roads.get(name);
          if (noted === undefined || noted.until <= clock.now()) return undefined;
          const { road } = noted;
          if ('colony' in target && isHere(target.colony)) return undefined;
          const isMeant = audience === undefined || audience === road.host.serverid;
          return isMeant && leadsTo(target, road) && !isDead(road.host) ? road : undefined;
        },
        drop: ({ colonyid }) => void known.roads.delete(colonyTag(colonyid)),
      };
    },
  };
};
