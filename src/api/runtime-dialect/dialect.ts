// The runtime dialect: the vocabulary of 2022 over today's engine, as a table of operations and a
// way to refuse. What it translates and where it leaves its model is told in
// docs/runtime-dialect.md.

import { refusalOf2022 } from '../../node/crypto/refusals.ts';
import { byType, type Dialect, type Op, type Watch } from '../op.ts';
import { authorise } from './authorise.ts';
import * as attributes from './ops/attributes.ts';
import * as colonies from './ops/colonies.ts';
import * as listings from './ops/listings.ts';
import * as processes from './ops/processes.ts';
import * as runtimes from './ops/runtimes.ts';
import * as subscriptions from './subscriptions.ts';

/** Every operation of the dialect by its own name. */
export const RUNTIME_OPS = {
  ...colonies,
  ...runtimes,
  ...processes,
  ...listings,
  ...attributes,
};
export type RuntimeOps = typeof RUNTIME_OPS;

/** Every subscription of the dialect by its own name. */
export const RUNTIME_WATCHES = { ...subscriptions };

export const runtimeDialect: Dialect = {
  name: 'runtime',
  ops: byType<Op>(RUNTIME_OPS),
  watches: byType<Watch>(RUNTIME_WATCHES),
  closesRefused: true,
  authorise,
  notServerOwner: 'RecoveredID does not match Server Id',
  badSignature: (refusal) => refusalOf2022(refusal) ?? refusal.message,
};
