// Every bound of the node: a name, a unit, a default and a reason. Nothing grows without one. Code
// that adds state adds its row here, or to what nodes do with each other in limits-overlay.ts.

import { OVERLAY_LIMITS } from './limits-overlay.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE = 60_000;

export const LIMITS = {
  /** Request body. The largest legitimate message is a 10 MiB channel entry, base64-coded twice. */
  bodyBytesMax: 25 * MiB,
  /**
   * Bodies of requests that are arriving or being answered, all together. Those up to the free size
   * do not count: connections bound them.
   */
  bodiesBytesMax: 512 * MiB,
  bodyFreeBytes: 16 * KiB,
  /**
   * Replies over the free size that their readers have not taken yet, all together; beyond it the
   * connection that asks for one more is ended.
   */
  repliesBytesMax: 256 * MiB,
  /** A reader that takes nothing of its reply for this long is cut off. */
  replyStallMs: MINUTE,
  /** Base64 payload inside an envelope; a body cannot hold more. */
  payloadBytesMax: 25 * MiB,
  /**
   * Base64 payload of a message that only asks (or waits): a few names and ids, with room to tell
   * which of them is too long. Refused before its signature is looked at.
   */
  askingPayloadBytesMax: 2 * MiB,
  /** One answer as the command line reads it: the longest list of processes at the largest body. */
  cliReplyBytesMax: 512 * MiB,
  /** A call of the command line that asks the server to wait for nothing: longer is no answer. */
  cliCallMs: 60_000,
  /**
   * Nesting of any JSON, as on the original servers: far deeper one takes the parser seconds. Texts
   * of at most the free length are read without a look at it.
   */
  jsonDepthMax: 10_000,
  jsonFreeLength: 64 * KiB,
  /** Entries of all maps in one message: a million different names take the parser seconds. */
  jsonEntriesMax: 250_000,
  /** Values in an envelope, which has three: nobody signed it yet, so reading it must be cheap. */
  envelopePartsMax: 1_000,
  /**
   * Nesting of free-form values (`args`, `kwargs`, `in`, `out`): deeper ones exhaust the stack of
   * readers.
   */
  nestingDepthMax: 64,
  /**
   * Names, ids, types, labels, locations and keys, in UTF-16 units: they become index keys, stay in
   * memory and are told back in refusals.
   */
  nameLengthMax: 1_024,
  /**
   * Paths, commands, images, volumes (two paths), descriptions, searched texts, in UTF-16 units:
   * what a file system takes for two paths.
   */
  lineLengthMax: 8_192,
  /**
   * Entries of one list or map field in a message (targets, dependencies, environment): each may
   * become a row.
   */
  listEntriesMax: 10_000,
  /**
   * Attributes of one process: kept in memory while it lives, and written anew with each change.
   */
  attributesPerProcessMax: 1_000,
  /**
   * Keys and values of all attributes of one process, in UTF-16 units; room for the largest one.
   */
  attributeTextMax: 32 * MiB,
  /**
   * Texts of all waiting and running processes, in UTF-16 units: they are in memory, where a
   * million of them have a thousand each. Beyond it submissions get 503.
   */
  liveTextMax: 1_024 * MiB,
  /**
   * Specifications read ahead of those who take waiting processes after a start: enough that a busy
   * node waits for the disk once in so many assignments.
   */
  textsAheadMax: 128,
  /** Output and attributes of running processes beyond it; then 503, but never to a close. */
  progressTextMax: 256 * MiB,
  /** Rows one list request may ask for, as on the original servers. */
  processListMax: 100,
  logListMax: 500,
  logSearchMax: 100,
  logSearchDaysMax: 30,
  /** Processes one history request may return: the originals have no limit, memory has. */
  historyListMax: 10_000,
  /**
   * A longer long poll is cut to this, so that a waiter never outlives its connection for days.
   * Seconds.
   */
  assignTimeoutMaxS: 86_400,
  /** Waiting assigns of one colony; beyond it the caller gets 503 and tries later. */
  waitersPerColonyMax: 50_000,
  /** A longer subscription is cut to this: a week, well below what a timer can hold. Seconds. */
  subscriptionTimeoutMaxS: 7 * 86_400,
  /** One WebSocket frame from a client: envelopes of subscriptions are small. */
  frameBytesMax: MiB,
  /**
   * Frames of one connection that wait for their signature; beyond it the connection is not read.
   */
  framesQueuedMax: 64,
  /** Open WebSocket subscriptions of one connection. */
  subscriptionsPerSocketMax: 64,
  /** Bytes buffered for one slow WebSocket reader before it is cut off. */
  socketBufferBytesMax: 8 * MiB,
  /** Open connections; beyond it new ones are closed at once. Most of them are idle long polls. */
  connectionsMax: 50_000,
  /** An idle kept-alive connection is closed after this, as on the original servers. */
  keepAliveMs: 120_000,
  /** Time for a request's headers to arrive, from the first byte or from the connection. */
  headersMs: 10_000,
  /**
   * Time for a whole request to arrive: 25 MiB over a slow line. Waiting for a reply does not
   * count.
   */
  requestMs: 2 * MINUTE,
  /** How often arriving requests are checked against the two times above. */
  arrivalCheckMs: 5_000,
  /** A silent connection is probed by the system after this, to notice peers that vanished. */
  probeIdleMs: MINUTE,
  /** Calls in flight get this long to end when the server stops. */
  shutdownGraceMs: 5_000,
  /**
   * A connection that is reset within this time of an assignment had not read it: the work goes
   * back. Milliseconds.
   */
  deliveryGraceMs: 1_000,
  /** Time for the last event to reach a subscriber whose connection is about to be cut. */
  cutGraceMs: 1_000,
  /** Commands waiting for the commit in flight; beyond it new writes get 503. */
  pendingWritesMax: 100_000,
  /** Signature recoveries waiting for a crypto worker; beyond it callers get 503. */
  recoveriesQueuedMax: 10_000,
  /** Recoveries in one message to a crypto worker: the message then costs a tenth of a recovery. */
  recoveryBatchMax: 16,
  /** Batches one crypto worker holds: one at work, one waiting so that it never idles. */
  recoveryBatchesPerWorkerMax: 2,
  /** Crypto worker threads: beyond this the main thread is the narrow place. */
  cryptoWorkersMax: 4,
  /** A crypto worker that is not ready by then counts as dead. Milliseconds. */
  cryptoWorkerStartMs: 10_000,
  /** Heap of one crypto worker. It holds one engine and two batches. MiB. */
  cryptoWorkerHeapMiB: 64,
  /** Bytes of remembered (signature, payload) pairs in one generation of the recovery cache. */
  recoveryCacheBytesMax: 16 * MiB,
  /** A payload longer than this is not remembered: one submit must not flush every poller. */
  recoveryCacheEntryBytesMax: 4 * KiB,
  /**
   * A part of the node that is not up by then never will be: opening a large store takes the most.
   */
  partStartMs: 10 * MINUTE,
  /** A part that hangs at stop is left behind, so that the database behind it is still closed. */
  partStopMs: 30_000,
  /** Problems that one check of a store lists; more say no more about what happened to it. */
  checkProblemsMax: 10_000,
  /**
   * Pauses of the background loop: the shortest, which is the longest reaction time to a deadline;
   * and the longest, while no deadline is near, because each turn wakes an idle process: a clock
   * that is set forward is followed within it. Milliseconds.
   */
  tickMs: 500,
  tickRestMs: 5_000,
  /**
   * Identities of which the spoken dialect is remembered: about 150 bytes each; beyond it the
   * oldest goes.
   */
  dialectsRememberedMax: 50_000,
  /** The same for one connection: many identities behind one socket are a relay or an attack. */
  dialectsPerConnectionMax: 1_000,
  /**
   * A member that holds a process without a deadline is believed to be at work for this long
   * without a sign of life. Jobs of days run silently under old clients; a worker that died must
   * not keep its process for ever. Seconds.
   */
  silentHolderS: 86_400,
  /**
   * Deadlines, stale executors and retention handled in one tick, so that a tick never blocks for
   * long.
   */
  tickWorkMax: 10_000,
  /** Nonces of calls forgotten in one round of 30 s: more than a node can take in that time. */
  onceForgottenMax: 100_000,
  /**
   * Output of a process that a worker sends at its end, in UTF-16 units: escaped and coded it must
   * fit a body.
   */
  workerOutputMax: 3 * MiB,
  /**
   * Output that waits to be sent as log lines while the process runs; beyond it the process is
   * slowed down.
   */
  workerUnsentMax: MiB,
  /** Output goes to the server in pieces of at most this, UTF-16 units: one log line each. */
  workerLogLineMax: 64 * KiB,
  /** How long output is gathered before it goes to the server as one log line. */
  workerLogPaceMs: 500,
  /** One long poll of a worker: below the idle limit of common proxies. */
  workerPollS: 45,
  /**
   * A call of a worker that is not answered by then counts as lost (a long poll: on top of its
   * time).
   */
  workerCallMs: 30_000,
  /** Pause after a call that could not be made, so that a server that is down is not flooded. */
  workerRetryMs: 1_000,
  /** Pace at which a worker asks whether its running process was cancelled or taken away. */
  workerWatchMs: 5_000,
  /** The same for a worker that has other hosts to turn to when the server of that process dies. */
  attachedWatchMs: 2_000,
  /** Time to make the pipe for the output of a child. */
  workerPipeMs: 5_000,
  /** Between the polite and the final signal to a child that must stop. */
  workerGraceMs: 5_000,
  /** An answer to a question between nodes: a colony record and 16 server records in base64. */
  askedBytesMax: MiB,
  /**
   * The next way to a node is tried beside one that has not answered for this long. Milliseconds.
   */
  askStaggerMs: 400,
  ...OVERLAY_LIMITS,
} as const;

export type Limits = { readonly [K in keyof typeof LIMITS]: number };
