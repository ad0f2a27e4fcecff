// The load generator: callers in a closed loop, each with its own connection and identity, and idle
// long polls. Counts what was answered; the parent decides when to look.

import { answer } from './children.js';
import { percentile } from './figures.js';
import { openLine } from './line.js';
import { COLONY, person, quickEngine, signedBody, specOf, workerName } from './people.js';

const POLL_S = 3_600;
const ASSIGN_S = 60;
const ID_AT = '{"processid":"'.length;

const engine = await quickEngine();
/** @type {Map<string, ReturnType<typeof person>>} */
const people = new Map();
let submitted = 0;
let running = false;
/** @type {Promise<unknown>[]} */
let loops = [];
const empty = () => ({ requests: 0, cycles: 0, submit: [], assign: [], close: [] });
let counted = empty();
let total = 0;

/** @param {string} name */
const known = (name) => {
  const found = people.get(name) ?? person(name, engine);
  people.set(name, found);
  return found;
};

/** The JSON inside a reply's envelope begins here; everything in it is base64. */
const payloadOf = (text, bytes) => {
  const from = text.indexOf('"payload":"') + '"payload":"'.length;
  return Buffer.from(text.slice(from, from + Math.ceil(bytes / 3) * 4), 'base64').toString();
};

const call = async (line, body, times) => {
  const startedMs = performance.now();
  const { status, text } = await line.post(body);
  if (status !== 200) throw new Error(`status ${status}: ${payloadOf(text, 300)}`);
  counted.requests += 1;
  total += 1;
  times?.push(performance.now() - startedMs);
  return text;
};

const submitBody = (key) => {
  submitted += 1;
  return signedBody(engine, key, { msgtype: 'submitfuncspecmsg', spec: specOf(submitted) });
};

const assignBody = (key, timeout) =>
  signedBody(engine, key, { msgtype: 'assignprocessmsg', colonyname: COLONY, timeout });

const closeBody = (key, reply) => {
  const processid = payloadOf(reply, ID_AT + 64).slice(ID_AT, ID_AT + 64);
  return signedBody(engine, key, { msgtype: 'closesuccessfulmsg', processid, out: ['done'] });
};

const cycles = async (port, { key }) => {
  const line = await openLine(port);
  // A deterministic signer makes the same envelope of the same message every time.
  const assign = assignBody(key, ASSIGN_S);
  while (running) {
    await call(line, submitBody(key), counted.submit);
    const reply = await call(line, assign, counted.assign);
    await call(line, closeBody(key, reply), counted.close);
    counted.cycles += 1;
  }
  line.close();
};

const exchanges = async (port, { key }) => {
  const line = await openLine(port);
  while (running) await call(line, submitBody(key), undefined);
  line.close();
};

const summary = ({ requests, cycles: done, ...times }) => ({
  requests,
  cycles: done,
  ...Object.fromEntries(
    Object.entries(times).map(([name, list]) => [
      name,
      { p50: percentile(list, 0.5), p99: percentile(list, 0.99) },
    ]),
  ),
});

/** @type {{ line: import('./line.js').Line, who: ReturnType<typeof person> }[]} */
let pollers = [];
let answered = 0;
/** @type {(reply: { text: string, who: ReturnType<typeof person>, poller: any }) => void} */
let onWork = () => undefined;

const poll = async (poller) => {
  const { line, who } = poller;
  const { status, text } = await line.post(assignBody(who.key, POLL_S));
  if (status !== 200) throw new Error(`a long poll ended with ${status}`);
  answered += 1;
  onWork({ text, who, poller });
};

const given = (poller) => {
  // Cut connections end their polls; the parent counts those that were answered.
  poll(poller).catch(() => undefined);
};

const openPollers = async (port, count) => {
  for (let at = 0; at < count; at += 500) {
    const some = Array.from({ length: Math.min(500, count - at) }, async (_, i) => ({
      line: await openLine(port),
      who: known(workerName(at + i)),
    }));
    const opened = await Promise.all(some);
    pollers.push(...opened);
    for (const poller of opened) given(poller);
  }
};

/** Submits one process after the other; the poller that gets it finishes it and waits again. */
const wakeOne = async (submitter, body) => {
  const startedMs = performance.now();
  const woken = new Promise((resolve) => {
    onWork = resolve;
  });
  const sent = call(submitter, body, undefined);
  const { text, who, poller } = await woken;
  const ms = performance.now() - startedMs;
  await sent;
  await call(poller.line, closeBody(who.key, text), undefined);
  given(poller);
  return ms;
};

answer({
  begin: ({ port, callers, kind }) => {
    running = true;
    const loop = kind === 'exchange' ? exchanges : cycles;
    loops = Array.from({ length: callers }, (_, i) => loop(port, known(workerName(i))));
    // A loop that fails ends the measurement, at the latest when it is told to end.
    for (const each of loops) each.catch(() => undefined);
  },
  total: () => total,
  /** What was answered since the last look. */
  look: () => {
    const seen = summary(counted);
    counted = empty();
    return seen;
  },
  end: async () => {
    running = false;
    await Promise.all(loops);
  },
  poll: ({ port, count }) => openPollers(port, count),
  wake: async ({ port, times }) => {
    const submitter = await openLine(port);
    const { key } = known('user');
    const list = [];
    const before = answered;
    for (let i = 0; i < times; i++) list.push(await wakeOne(submitter, submitBody(key)));
    submitter.close();
    return {
      p50: percentile(list, 0.5),
      p99: percentile(list, 0.99),
      woken: answered - before,
      submitted: times,
    };
  },
  hangUp: () => {
    for (const { line } of pollers) line.close();
    pollers = [];
  },
});
