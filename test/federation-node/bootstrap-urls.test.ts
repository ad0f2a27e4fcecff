// Joining through a URL: what lives there is a stranger until it has proved otherwise.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { makeResolveBootstrap } from '../../src/compose/bootstrap-urls.ts';
import { makeOutbound } from '../../src/compose/outbound.ts';
import { LIMITS } from '../../src/node/limits.ts';
import type { AddressPolicy } from '../../src/node/model/address.ts';
import { clock } from './nodes.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const resolve = async (
  status: number,
  body: string,
  headers: Record<string, string> = {},
  policy: AddressPolicy = 'test',
) => {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const { port } = server.address() as AddressInfo;
  const outbound = makeOutbound({ policy: { policy }, clock, limits: LIMITS });
  const ask = makeResolveBootstrap(outbound, 'lab', LIMITS);
  const found = ask(`http://127.0.0.1:${port}/`, AbortSignal.timeout(5_000));
  return { asked, found: await found.catch((error: Error) => error.message) };
};

const told = (peers: unknown, network = 'lab'): string => JSON.stringify({ network, peers });

test('the addresses of its peers are given with their peer ids', async () => {
  const peers = [
    { peerid: 'A', addresses: ['/ip4/127.0.0.1/tcp/1/p2p/A', '/ip4/127.0.0.1/tcp/2'] },
    { peerid: 'B', addresses: [] },
  ];
  const { asked, found } = await resolve(200, told(peers));
  expect(found).toEqual(['/ip4/127.0.0.1/tcp/1/p2p/A', '/ip4/127.0.0.1/tcp/2/p2p/A']);
  expect(asked).toEqual(['/federation/peers']);
});

test('an endless list is not worked through', async () => {
  const addresses = Array.from({ length: 100 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}`);
  const peers = Array.from({ length: 100 }, (_, i) => ({ peerid: `P${i}`, addresses }));
  const { found } = await resolve(200, told(peers));
  expect(found).toHaveLength(20 * LIMITS.overlayAddressesPerPeerMax);
});

test.each([
  ['another network', 200, told([], 'other'), /network other, not lab/],
  ['something else that lives there', 200, '<html>', /gave no list of peers/],
  ['an odd list', 200, told('none'), /gave no list of peers/],
  ['a node without an overlay', 404, '{}', /answered with status 404/],
])('%s is told as such', async (_what, status, body, message) => {
  expect((await resolve(status, body)).found).toMatch(message);
});

test('a redirect is not followed, and a forbidden place not asked', async () => {
  const moved = { location: 'http://127.0.0.1:9/federation/peers' };
  expect((await resolve(302, '', moved)).found).toMatch(/status 302/);
  server.close();
  const { asked, found } = await resolve(200, told([]), {}, 'public');
  expect(found).toMatch(/may not be connected to/);
  expect(asked).toEqual([]);
});
