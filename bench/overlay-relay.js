// The benchmark of the relay, with whole nodes in processes of their own: what a call costs that goes
// through another node, and what the overlay costs the work of its own node.

import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { signerOf } from '../dist/federation/signature.js';
import { stateColony } from '../dist/federation/statements.js';
import { bytesToBase64, bytesToHex } from '../dist/node/crypto/bytes.js';
import { startChild } from './children.js';
import { percentile } from './figures.js';
import { openLine } from './line.js';
import { person, quickEngine, signedBody, TYPE, workerName } from './people.js';

const CALLERS = 16;
/** Callers at once through another node: batches grow with them. */
const CROWDS = [CALLERS, 64];
const WORKERS = Math.max(...CROWDS);
const IDLE_POLLS = 500;
const LIVES_ROUNDS = 8;
const GOALS = { throughput: 0.6, beside: 2, lives: 0.95 };

const engine = await quickEngine();
/** Prints one figure. */
export const line = (name, value) => process.stdout.write(`${name.padEnd(58)}${value}\n`);
export const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
export const verdict = (isGood) => (isGood ? 'met' : 'missed');

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const send = async (port, who, msg) => {
  const connection = await openLine(port);
  const { status, text } = await connection.post(signedBody(engine, who.key, msg));
  connection.close();
  if (status !== 200) throw new Error(`${msg.msgtype}: status ${status}: ${text.slice(0, 300)}`);
};

/** A node in a process of its own; `inward` publishes no URL. */
export const openNode = async (name, { bootstrap = [], inward = false, off = false } = {}) => {
  const owner = person(name, engine);
  const overlayPort = await freePort();
  const child = startChild('./overlay-node.js');
  const port = await child.ask('start', {
    serverId: owner.id,
    serverKey: bytesToHex(owner.key),
    bootstrap,
    overlayPort,
    announce: inward ? [`/ip4/127.0.0.1/tcp/${overlayPort}`] : [],
    off,
  });
  return { child, port, owner };
};

/** A colony with approved executors for every caller. */
const openColony = async ({ port, owner }, name) => {
  const colony = person(name, engine);
  const add = { msgtype: 'addcolonymsg', colony: { colonyid: colony.id, name } };
  await send(port, owner, add);
  for (let i = 0; i < WORKERS + IDLE_POLLS; i += 1) {
    const { id, name: executorname } = person(workerName(i), engine);
    // Idle polls must stay idle: they wait for another kind of work.
    const executortype = i < WORKERS ? TYPE : 'idle';
    const executor = { executorid: id, executorname, executortype, colonyname: colony.id };
    await send(port, colony, { msgtype: 'addexecutormsg', executor });
    const approve = { msgtype: 'approveexecutormsg', colonyname: colony.id, executorname };
    await send(port, colony, approve);
  }
  return colony;
};

const publish = async (port, colony, server) => {
  const record = await stateColony(signerOf(bytesToHex(colony.key)), {
    network: 'bench',
    now: Date.now(),
    servers: [server],
    name: colony.name,
  });
  const records = [bytesToBase64(record.bytes)];
  await send(port, colony, { msgtype: 'publishrecordsmsg', records });
};

/** Calls a second, and what each costs the home and the node in between in CPU time. */
const measure = async ({ load, relay }, home, port, given) => {
  const usages = () => Promise.all([home, relay].map(({ child }) => child.ask('usage')));
  const before = await usages();
  const times = await load.ask('hammer', { ...given, port });
  const after = await usages();
  const [homeUs, relayUs] = after.map(({ cpuUs }, i) => (cpuUs - before[i].cpuUs) / times.length);
  return { perSecond: times.length / given.seconds, homeUs, relayUs };
};

const mean = (list, of) => list.reduce((sum, each) => sum + of(each), 0) / list.length;

/** Direct and relayed in turns, so that a busy machine is busy for both. */
const compare = async (stand, { home, colony }, kind, callers, rounds = 3) => {
  const { relay, seconds, warmS } = stand;
  const given = { colony: colony.id, kind, callers, seconds };
  // Both ways compiled before anything counts.
  for (const { port } of [home, relay])
    await measure(stand, home, port, { ...given, seconds: warmS });
  const direct = [];
  const relayed = [];
  for (let i = 0; i < rounds; i += 1) {
    direct.push(await measure(stand, home, home.port, given));
    relayed.push(await measure(stand, home, relay.port, given));
  }
  return { direct, relayed };
};

const showThroughput = ({ direct, relayed }, what) => {
  const [most, some] = [direct, relayed].map((list) => mean(list, (each) => each.perSecond));
  const homeUs = mean(direct, (each) => each.homeUs);
  const slowest = Math.max(
    mean(relayed, (each) => each.homeUs),
    mean(relayed, (each) => each.relayUs),
  );
  const figures = `${Math.round(some)} of ${Math.round(most)} a second`;
  const ratio = some / most;
  line(
    what,
    `${figures}: ${ratio.toFixed(2)} (goal ${GOALS.throughput}: ${verdict(ratio >= GOALS.throughput)})`,
  );
  line(
    '  with machines of their own, by CPU time of the busier',
    `${Math.round(homeUs)} us direct, ${Math.round(slowest)} us: ${(homeUs / slowest).toFixed(2)}`,
  );
};

const measureThroughput = async (stand) => {
  for (const { way, ...home } of stand.homes) {
    for (const callers of stand.crowds) {
      for (const kind of ['submit', 'read']) {
        const both = await compare(stand, home, kind, callers);
        showThroughput(both, `${kind} through another node, over ${way}, ${callers} callers`);
      }
    }
  }
};

const measurePolls = async ({ load, polls, relay, homes, seconds }) => {
  for (const { way, colony } of homes) {
    const quiet = { port: relay.port, colony: colony.id, kind: 'read', callers: 1, seconds };
    const alone = percentile(await load.ask('hammer', quiet), 0.99);
    const waiting = { port: relay.port, colony: colony.id, from: WORKERS, count: IDLE_POLLS };
    await polls.ask('poll', waiting);
    await sleep(1_000);
    const beside = percentile(await load.ask('hammer', quiet), 0.99);
    await polls.ask('hangUp');
    const times = beside / alone;
    line(
      `p99 beside ${IDLE_POLLS} idle polls, over ${way}`,
      `${ms(beside)}, alone ${ms(alone)}: ${times.toFixed(2)}x (goal ${GOALS.beside}x: ${verdict(times <= GOALS.beside)})`,
    );
    await sleep(500);
  }
};

/** Lives of processes at a node with an overlay, and at one without, in turns. */
const measureLives = async ({ load, homes: [{ home, colony }], seconds, warmS }) => {
  const plain = await openNode('plain', { off: true });
  const own = await openColony(plain, 'plain colony');
  const at = {
    on: { port: home.port, colony: colony.id, callers: CALLERS },
    off: { port: plain.port, colony: own.id, callers: CALLERS },
  };
  const sums = { on: 0, off: 0 };
  for (let i = 0; i <= LIVES_ROUNDS; i += 1) {
    // In turns, and the first one second the next time: a busy machine is busy for both.
    for (const which of i % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
      const length = i === 0 ? warmS : seconds;
      const lives = await load.ask('lives', { ...at[which], seconds: length });
      if (i > 0) sums[which] += lives;
    }
  }
  const ratio = sums.on / sums.off;
  line(
    'lives of processes, overlay on over off',
    `${ratio.toFixed(2)} (goal ${GOALS.lives}: ${verdict(ratio >= GOALS.lives)})`,
  );
  await plain.child.stop();
};

/** A home that publishes a URL, one that only the overlay reaches, and a node that relays to both. */
export const open = async () => {
  const web = await openNode('web');
  const bootstrap = [`http://127.0.0.1:${web.port}`];
  const deep = await openNode('deep', { bootstrap, inward: true });
  const relay = await openNode('relay', { bootstrap });
  const homes = [
    { way: 'HTTP', home: web, colony: await openColony(web, 'near') },
    { way: 'the overlay', home: deep, colony: await openColony(deep, 'far') },
  ];
  await sleep(2_000);
  for (const { home, colony } of homes) await publish(relay.port, colony, home.owner.id);
  const load = startChild('./overlay-load.js');
  const polls = startChild('./overlay-load.js');
  return { load, polls, web, deep, relay, homes };
};

/**
 * Measures and prints.
 * @param {{ smoke: boolean }} options
 */
export const measureRelay = async ({ smoke }) => {
  const { load, polls, web, deep, relay, homes } = await open();
  const stand = {
    ...{ load, polls, relay, homes },
    ...{ seconds: smoke ? 0.5 : 4, warmS: smoke ? 0.5 : 8, crowds: smoke ? [CALLERS] : CROWDS },
  };
  // Processes that were submitted to be counted are not taken by the lives.
  await measureLives(stand);
  await measureThroughput(stand);
  await measurePolls(stand);
  const children = [load, polls, relay.child, deep.child, web.child];
  for (const child of children) await child.stop();
};
