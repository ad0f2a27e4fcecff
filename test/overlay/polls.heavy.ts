// Five hundred idle polls through one peer: they wait at their home, and nobody else notices.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { colonyRecord, sealed, until } from '../federation-node/nodes.ts';
import { idOf } from '../support/world.ts';
import { type FleetNode, makeNodeFleet, type NodeFleet } from './node-fleet.ts';

const POLLS = 500;
const DEV = idOf('dev');
let fleet: NodeFleet;
let home: FleetNode;
let relay: FleetNode;
const sockets: Socket[] = [];

beforeAll(async () => {
  fleet = await makeNodeFleet(2, 2);
  [home, relay] = fleet.nodes as [FleetNode, FleetNode];
  await fleet.start();
  await until(async () => (await relay.status()).peers > 0, 60_000);
  await home.send(home.owner, 'addcolonymsg', { colony: { colonyid: DEV, name: 'dev' } });
  const user = { colonyname: DEV, userid: idOf('alice'), name: 'alice' };
  await home.send('dev', 'addusermsg', { user });
  const executor = { executorname: 'idle', executorid: idOf('idle'), executortype: 'worker' };
  await home.send('dev', 'addexecutormsg', { executor: { ...executor, colonyname: DEV } });
  await home.send('dev', 'approveexecutormsg', { colonyname: DEV, executorname: 'idle' });
  const records = [await colonyRecord('dev', [home.id])];
  await relay.send('dev', 'publishrecordsmsg', { records });
}, 120_000);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await fleet.end();
});

const waiting = async (): Promise<number> => {
  const text = await (await fetch(`${relay.url}/metrics`)).text();
  return Number(/^colonies_relay_waits (\d+)$/m.exec(text)?.[1]);
};

/** The 99th percentile of short calls through the relay, in milliseconds. */
const round = async (): Promise<number> => {
  const times: number[] = [];
  for (let i = 0; i < 300; i += 1) {
    const began = performance.now();
    const { status } = await relay.send('alice', 'getcolonymsg', { colonyname: DEV });
    expect(status).toBe(200);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
};

/** The best of a few rounds: what else a machine does makes rounds slower, never faster. */
const p99 = async (): Promise<number> => Math.min(await round(), await round(), await round());

it('wait at the home, slow nobody down, and are dropped when their callers go', async () => {
  await p99();
  const alone = await p99();
  const body = sealed('idle', 'assignprocessmsg', { colonyname: DEV, timeout: 600 });
  const head = `POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
  const port = Number(new URL(relay.url).port);
  for (let i = 0; i < POLLS; i += 1) {
    const socket = connect(port, '127.0.0.1');
    // They are cut at the end.
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(head + body);
    sockets.push(socket);
  }
  await until(async () => (await waiting()) === POLLS, 60_000);
  // A few milliseconds are noise on any machine.
  expect(await p99()).toBeLessThanOrEqual(2 * alone + 20);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await waiting()) === 0, 60_000);
  const spec = { funcname: 'f', conditions: { colonyname: DEV, executortype: 'worker' } };
  const { payload } = await home.send('alice', 'submitfuncspecmsg', { spec });
  const found = await home.send('alice', 'getprocessmsg', { processid: payload.processid });
  expect(found.payload.state).toBe(0);
});
