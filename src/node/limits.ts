// Every bound of the node: a name, a unit, a default and a reason. Nothing grows without one.
// Code that adds state adds its row here.

const KiB = 1024;
const MiB = 1024 * KiB;

export const LIMITS = {
  /** Request body. The largest legitimate message is a 10 MiB channel entry, base64-coded twice. */
  bodyBytesMax: 25 * MiB,
  /** Base64 payload inside an envelope; a body cannot hold more. */
  payloadBytesMax: 25 * MiB,
  /** Nesting of free-form values (`args`, `kwargs`, `in`, `out`): deeper ones exhaust the stack of readers. */
  nestingDepthMax: 64,
  /** Names of colonies, users, executors, functions and labels, in UTF-16 units: they become index keys. */
  nameLengthMax: 1_024,
  /** Entries of one list field in a message (targets, dependencies, channels). */
  listEntriesMax: 10_000,
  /** Rows one list request may ask for, as on the original servers. */
  processListMax: 100,
  logListMax: 500,
  logSearchMax: 100,
  logSearchDaysMax: 30,
  /** Processes one history request may return: the originals have no limit, memory has. */
  historyListMax: 10_000,
  /** A longer long poll is cut to this, so that a waiter never outlives its connection for days. Seconds. */
  assignTimeoutMaxS: 86_400,
  /** Waiting assigns of one colony; beyond it the caller gets 503 and tries later. */
  waitersPerColonyMax: 50_000,
  /** Open WebSocket subscriptions of one connection. */
  subscriptionsPerSocketMax: 64,
  /** Bytes buffered for one slow WebSocket reader before it is cut off. */
  socketBufferBytesMax: 8 * MiB,
  /** Commands waiting for the commit in flight; beyond it new writes get 503. */
  pendingWritesMax: 100_000,
  /** Signature recoveries waiting for a crypto worker; beyond it callers get 503. */
  recoveriesQueuedMax: 10_000,
  /** Bytes of remembered (signature, payload) pairs in one generation of the recovery cache. */
  recoveryCacheBytesMax: 16 * MiB,
  /** A payload longer than this is not remembered: one submit must not flush every poller. */
  recoveryCacheEntryBytesMax: 4 * KiB,
  /** Deadlines, stale executors and retention handled in one tick, so that a tick never blocks for long. */
  tickWorkMax: 10_000,
} as const;

export type Limits = { readonly [K in keyof typeof LIMITS]: number };
