import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, refusal, type World } from '../support/world.ts';

let w: World;
beforeEach(async () => {
  w = await openWorld();
});
afterEach(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const unsigned = (payloadtype: string, payload: string, signature = '') =>
  w.post(JSON.stringify({ payloadtype, payload, signature }));

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

test('version and server info need no signature, and take any', async () => {
  const version = { buildversion: 'v1', buildtime: '2030-01-01T00:00:00Z', msgtype: 'versionmsg' };
  for (const signature of ['', 'junk', 'Invalid private key length, should be 256 bits']) {
    const told = await unsigned('versionmsg', encoded({ msgtype: 'versionmsg' }), signature);
    expect(told).toEqual({
      status: 200,
      payloadtype: 'versionmsg',
      error: false,
      payload: version,
    });
  }
  expect(await unsigned('versionmsg', encoded({}))).toMatchObject({
    status: 400,
    payload: { message: 'Failed to get server version, msg.MsgType does not match payloadType' },
  });
  expect(await unsigned('versionmsg', '!!')).toMatchObject({
    status: 400,
    payload: { message: 'Failed to get server version, invalid JSON' },
  });
});

test('server info is what the server really is, and its payload is not read', async () => {
  for (const payload of ['', '!!', encoded(null)]) {
    expect((await unsigned('getserverinfomsg', payload)).payload).toEqual({
      buildversion: 'v1',
      buildtime: '2030-01-01T00:00:00Z',
      backends: [{ type: 'http', port: 50080, host: '127.0.0.1' }],
    });
  }
});

test('server info tells TLS only where it is served', async () => {
  const server = { ...w.deps.server, host: '', port: 443, tls: true };
  const secure = await openWorld({ deps: { server } });
  expect((await secure.as('x').getServerInfo()).backends).toEqual([
    { type: 'http', port: 443, tls: true },
  ]);
  await secure.close();
});

test('the statistics of the server count everything on it', async () => {
  await w.settle();
  await w.submit('alice');
  const { processid } = await w.submit('alice');
  await w.as('alice').cancelProcess({ processid });
  expect(await w.as('server').getStatistics()).toEqual({
    colonies: 2,
    executors: 3,
    activeexecutors: 3,
    unregisteredexecutors: 0,
    waitingprocesses: 1,
    runningprocesses: 0,
    successfulprocesses: 0,
    failedprocesses: 0,
    cancelledprocesses: 1,
    waitingworkflows: 0,
    runningworkflows: 0,
    successfulworkflows: 0,
    failedworkflows: 0,
    cancelledworkflows: 0,
  });
  expect(await refusal(w.as('dev').getStatistics())).toEqual([
    403,
    'Access denied, not server owner',
  ]);
});

test('the cluster is this node', async () => {
  const node = {
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    peerport: 0,
    relayport: 0,
    apiport: 50080,
  };
  expect(await w.as('server').getCluster()).toEqual({ nodes: [node], leader: node });
});
