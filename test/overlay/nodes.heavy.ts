// Twelve whole nodes in six processes that are killed, frozen and started again: what was published
// is found, and calls find their way.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocument } from '../../src/federation/documents.ts';
import { signerOf } from '../../src/federation/signature.ts';
import { stateRevocation } from '../../src/federation/statements.ts';
import { clock, colonyRecord, getJson, until } from '../federation-node/nodes.ts';
import { idOf, keyOf } from '../support/world.ts';
import { type FleetNode, makeNodeFleet, type NodeFleet } from './node-fleet.ts';

const DEV = idOf('dev');
let fleet: NodeFleet;
let home: FleetNode;

const joined = (least: number): Promise<void> =>
  until(async () => {
    const all = await Promise.all(fleet.live().map((node) => node.status()));
    return all.every(({ peers }) => peers >= least);
  }, 120_000);

const publish = async (node: FleetNode, colony: string, servers: readonly string[]) => {
  const records = [await colonyRecord(colony, servers)];
  const answer = await node.send(colony, 'publishrecordsmsg', { records });
  expect([answer.status, answer.payload]).toEqual([200, expect.anything()]);
};

/** Milliseconds that a node took to give the colony's record. */
const resolved = async (node: FleetNode, id: string): Promise<number> => {
  const began = performance.now();
  const { status, body } = await getJson(node.url, `/federation/colonies/${id}`);
  expect(status).toBe(200);
  expect(readDocument(JSON.stringify(body))[0]).toMatchObject({ kind: 'colony', id });
  return performance.now() - began;
};

/** The same with a lookup in any case, whatever the node knows. */
const resolvedAnew = async (node: FleetNode, colonyid: string): Promise<number> => {
  const began = performance.now();
  const { status } = await node.send(node.owner, 'resolvecolonymsg', { colonyid, anew: true });
  expect(status).toBe(200);
  return performance.now() - began;
};

beforeAll(async () => {
  fleet = await makeNodeFleet(12, 6);
  home = fleet.nodes[0] as FleetNode;
  await fleet.start();
  await joined(5);
  await home.send(home.owner, 'addcolonymsg', { colony: { colonyid: DEV, name: 'dev' } });
  const user = { colonyname: DEV, userid: idOf('alice'), name: 'alice' };
  await home.send('dev', 'addusermsg', { user });
});
afterAll(() => fleet.end());

describe('twelve nodes in six processes', () => {
  it('find what was published, from every one of them, and carry calls to it', async () => {
    await publish(fleet.nodes[7] as FleetNode, 'dev', [home.id]);
    for (const node of fleet.nodes) {
      await resolved(node, DEV);
      const answer = await node.send('alice', 'getcolonymsg', { colonyname: DEV });
      expect([answer.status, answer.payload]).toEqual([200, { colonyid: DEV, name: 'dev' }]);
    }
  });

  it('answer within two seconds while half of them are frozen', async () => {
    for (const number of [1, 3, 5]) await fleet.signal(number, 'SIGSTOP');
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (const node of fleet.live()) times.push(await resolvedAnew(node, DEV));
    }
    for (const node of fleet.live()) {
      const answer = await node.send('alice', 'getcolonymsg', { colonyname: DEV });
      expect(answer.status).toBe(200);
    }
    for (const number of [1, 3, 5]) await fleet.signal(number, 'SIGCONT');
    times.sort((a, b) => a - b);
    expect(times[Math.floor(times.length * 0.95)]).toBeLessThan(2_000);
    await joined(5);
  });

  it('still resolve when a third is killed, and a new record reaches all who live', async () => {
    for (const number of [4, 5]) await fleet.signal(number, 'SIGKILL');
    for (const node of fleet.live()) await resolved(node, DEV);
    await publish(fleet.nodes[1] as FleetNode, 'later', [home.id]);
    for (const node of fleet.live()) await resolved(node, idOf('later'));
    // Pushed or placed: every one of them holds it without asking anybody.
    await until(async () => {
      const known = await Promise.all(
        fleet
          .live()
          .map((node) => getJson(node.url, `/federation/colonies/${idOf('later')}?known=1`)),
      );
      return known.every(({ status }) => status === 200);
    }, 60_000);
  });

  it('come together again without bootstraps, with everything they knew', async () => {
    await Promise.all([0, 1, 2, 3].map((number) => fleet.signal(number, 'SIGKILL')));
    await fleet.start(true);
    await joined(5);
    for (const node of fleet.nodes) {
      await resolved(node, DEV);
      await resolved(node, idOf('later'));
      const answer = await node.send('alice', 'getcolonymsg', { colonyname: DEV });
      expect([answer.status, answer.payload]).toEqual([200, { colonyid: DEV, name: 'dev' }]);
    }
  });

  it('a revocation reaches all of them within seconds', async () => {
    const statement = { network: 'testnet', now: clock.now() };
    const dead = await stateRevocation(signerOf(keyOf('alice')), statement);
    const records = [Buffer.from(dead.bytes).toString('base64')];
    await (fleet.nodes[11] as FleetNode).send('alice', 'publishrecordsmsg', { records });
    await until(async () => {
      const answers = await Promise.all(
        fleet.nodes.map((node) => node.send('alice', 'getcolonymsg', { colonyname: DEV })),
      );
      return answers.every(
        ({ status, payload }) => status === 403 && payload.message === 'key revoked',
      );
    }, 10_000);
  });
});
