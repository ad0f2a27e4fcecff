// The ways of a command to nodes.

import { expect, test } from 'vitest';
import { reachOf } from '../../src/attach/bootstraps.ts';
import { openWire } from '../../src/cli/attach/wire.ts';
import { systemClock } from '../../src/node/clock.ts';
import { silentLog } from '../../src/node/log.ts';

const ADDRESS = '/ip4/127.0.0.1/tcp/9/p2p/16Uiu2HAmBrzcPmzjFx3Pjb1qpwyZyz6Jr4qeYcvuv2ejEuxBSDMd';

test('what is closed dials nobody, and opens nothing that would have to be closed', async () => {
  const globals = { insecure: true, skipTlsVerify: undefined, verbose: undefined, json: false };
  const needs = { clock: systemClock(), log: silentLog(), globals };
  const { wire, close } = await openWire(needs, [], reachOf([]));
  await close();
  const asked = wire(ADDRESS, { path: '/federation/status' }, AbortSignal.timeout(10_000));
  await expect(asked).rejects.toThrow('the way there is closed');
});
