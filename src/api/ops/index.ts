// The operation table of the executor dialect: one line a domain. The exported names are the
// methods of the client.

import { byType, type Op, type Watch } from '../op.ts';
import * as attributes from './attributes.ts';
import * as colonies from './colonies.ts';
import * as executors from './executors.ts';
import * as functions from './functions.ts';
import * as identity from './identity.ts';
import * as logs from './logs.ts';
import * as node from './node.ts';
import * as processes from './processes.ts';
import * as server from './server.ts';
import * as subscriptions from './subscriptions.ts';
import * as users from './users.ts';

/** The modules by domain, in the order of the reference. */
export const DOMAINS = {
  colonies,
  users,
  executors,
  functions,
  processes,
  attributes,
  logs,
  server,
  node,
  identity,
} as const;

export const OPS = {
  ...colonies,
  ...users,
  ...executors,
  ...functions,
  ...processes,
  ...attributes,
  ...logs,
  ...server,
  ...node,
  ...identity,
} as const;
export type Ops = typeof OPS;

export const OPS_BY_TYPE: ReadonlyMap<string, Op> = byType<Op>(OPS);
export const WATCHES_BY_TYPE: ReadonlyMap<string, Watch> = byType<Watch>(subscriptions);
