// What callers are told when the disk fails: the node is about to stop, and memory is ahead of it.

import { expect, test } from 'vitest';
import { idOf, nowhere, openWorld } from '../support/world.ts';

const FAILED = { error: true, payload: { status: 503, message: expect.stringMatching(/failed/) } };

test('whoever is in flight and whoever comes later gets 503, and nothing that was lost is shown', async () => {
  const w = await openWorld();
  await w.settle();
  const { processid } = await w.submit('alice');
  await w.assign('e1');
  const poll = w.send('e2', 'assignprocessmsg', { colonyname: 'dev', timeout: 9 });
  await w.store.close();

  const spec = { conditions: { colonyname: 'dev', executortype: 'worker' } };
  const lost = w.send('alice', 'submitfuncspecmsg', { spec });
  const read = w.send('alice', 'getprocessmsg', { processid });
  const refused = w.send('foreign', 'getprocessmsg', { processid });
  expect(await lost).toMatchObject(FAILED);
  expect(await read).toMatchObject(FAILED);
  expect(await refused).toMatchObject(FAILED);
  // It was given what was lost.
  expect(await poll).toMatchObject(FAILED);

  const later: readonly (readonly [string, string, object])[] = [
    ['e1', 'closesuccessfulmsg', { processid }],
    ['alice', 'getprocessesmsg', { colonyname: 'dev', count: 10, state: 0 }],
    ['dev', 'pauseassignmentsmsg', { colonyname: 'dev' }],
    ['dev', 'addusermsg', { user: { colonyname: 'dev', name: 'bob', userid: idOf('bob') } }],
    ['foreign', 'getcolonymsg', { colonyname: 'dev' }],
    ['e1', 'getpausestatusmsg', { colonyname: 'dev' }],
    ['server', 'deletecolonymsg', { colonyid: idOf('nobody') }],
    ['dev', 'removeallprocessesmsg', { colonyname: 'dev', state: 0 }],
  ];
  for (const [who, type, fields] of later) {
    expect([type, await w.send(who, type, fields, nowhere())]).toMatchObject([type, FAILED]);
  }
  const errors = w.lines.filter(({ level }) => level === 'error');
  expect(errors.map(({ message }) => message)).toEqual(['commit failed: the node must stop']);
  await w.close();
});
