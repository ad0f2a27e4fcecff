// The load of the relay benchmark: short calls in a closed loop, whole lives of processes, idle polls.

import { answer } from './children.js';
import { openLine } from './line.js';
import { person, quickEngine, signedBody, specOf, workerName } from './people.js';

const engine = await quickEngine();
let submitted = 0;
/** @type {import('./line.js').Line[]} */
let pollers = [];

const check = ({ status, text }) => {
  if (status !== 200) throw new Error(`status ${status}: ${text.slice(0, 300)}`);
  return text;
};

const specFor = (colony) => {
  submitted += 1;
  const spec = specOf(submitted);
  return { ...spec, conditions: { ...spec.conditions, colonyname: colony } };
};

const bodies = {
  read: ({ key }, colony) => {
    const body = signedBody(engine, key, { msgtype: 'getcolonymsg', colonyname: colony });
    return () => body;
  },
  submit:
    ({ key }, colony) =>
    () =>
      signedBody(engine, key, { msgtype: 'submitfuncspecmsg', spec: specFor(colony) }),
};

/** `callers` callers for `seconds`: milliseconds of each call. */
const hammer = async ({ port, colony, kind, callers, seconds }) => {
  const until = performance.now() + seconds * 1_000;
  const times = [];
  const caller = async (i) => {
    const line = await openLine(port);
    const next = bodies[kind](person(workerName(i), engine), colony);
    while (performance.now() < until) {
      const began = performance.now();
      check(await line.post(next()));
      times.push(performance.now() - began);
    }
    line.close();
  };
  await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)));
  return times;
};

const processIn = (reply) => {
  const payload = Buffer.from(JSON.parse(reply).payload, 'base64').toString();
  return JSON.parse(payload).processid;
};

/** Submit, assign, close in a loop: lives in `seconds`. */
const lives = async ({ port, colony, callers, seconds }) => {
  const until = performance.now() + seconds * 1_000;
  let done = 0;
  const caller = async (i) => {
    const line = await openLine(port);
    const { key } = person(workerName(i), engine);
    const send = async (msg) => check(await line.post(signedBody(engine, key, msg)));
    while (performance.now() < until) {
      await send({ msgtype: 'submitfuncspecmsg', spec: specFor(colony) });
      const assign = { msgtype: 'assignprocessmsg', colonyname: colony, timeout: 60 };
      const processid = processIn(await send(assign));
      await send({ msgtype: 'closesuccessfulmsg', processid, out: ['done'] });
      done += 1;
    }
    line.close();
  };
  await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)));
  return done;
};

answer({
  hammer,
  lives,
  poll: async ({ port, colony, from, count }) => {
    for (let i = 0; i < count; i += 1) {
      const line = await openLine(port);
      const { key } = person(workerName(from + i), engine);
      const msg = { msgtype: 'assignprocessmsg', colonyname: colony, timeout: 3_600 };
      // They end with the benchmark.
      line.post(signedBody(engine, key, msg)).catch(() => undefined);
      pollers.push(line);
    }
  },
  hangUp: () => {
    for (const line of pollers) line.close();
    pollers = [];
  },
});
