// Idle connections to other servers are closed before those do it: a request that meets the end of its
// connection is lost, and nobody knows whether it was done.

import type { Agent, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits } from '../node/limits.ts';
import { headerOf } from './ask.ts';

/** `timeout=5` in the header keep-alive: for how many seconds a server keeps an idle connection. */
const KEPT_S = /(?:^|[\s,])timeout=(\d{1,6})/;

export interface Patience {
  /** Makes an agent go by what servers say of their patience. Gives the agent. */
  closesFirst<A extends Agent>(agent: A): A;
  /** Notes what a server says in an answer. */
  answered(response: IncomingMessage): void;
}

/** What is known of the patience of other servers, by connection. */
export const makePatience = (limits: Limits): Patience => {
  const keptMs = new WeakMap<Duplex, number>();
  return {
    closesFirst: (agent) => {
      const keep = agent.keepSocketAlive.bind(agent);
      agent.keepSocketAlive = (socket) => {
        const kept = keep(socket);
        const idleMs = (keptMs.get(socket) ?? Infinity) - limits.outboundIdleMarginMs;
        // A timeout of 0 would be none.
        if (idleMs < limits.outboundIdleMs) (socket as Socket).setTimeout(Math.max(1, idleMs));
        return kept;
      };
      return agent;
    },
    answered: ({ headers, socket }) => {
      const seconds = KEPT_S.exec(headerOf(headers['keep-alive']) ?? '')?.[1];
      if (seconds !== undefined) keptMs.set(socket, Number(seconds) * 1_000);
    },
  };
};
