// What strangers can make this node connect to over HTTP: nothing that the address policy forbids.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { makeOutbound, type Outbound, type ResolveHost } from '../../src/compose/outbound.ts';
import type { UrlPolicy } from '../../src/federation/policy.ts';
import { Fault } from '../../src/node/errors.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { clock } from './nodes.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const listen = async (server: Server) => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

/** A server that counts the connections it was asked for. */
const serve = async (answer: RequestListener) => {
  const server = createServer(answer);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  return { port: await listen(server), connections: () => sockets.length };
};

const hello: RequestListener = (_request, response) => {
  response.end('hello');
};

const open = (
  policy: UrlPolicy,
  more: { resolveHost?: ResolveHost; limits?: Partial<Limits>; ca?: string } = {},
): Outbound => {
  const { limits, ...rest } = more;
  const made = makeOutbound({ policy, clock, limits: { ...LIMITS, ...limits }, ...rest });
  closing.push(() => made.close());
  return made;
};

const get = (out: Outbound, base: string, signal = AbortSignal.timeout(10_000)) =>
  out.request({ method: 'GET', base, path: '/x', signal });

test('an idle connection is given up before the other side says that it will', async () => {
  let told: (who: string) => void = () => undefined;
  const first = new Promise<string>((resolve) => {
    told = resolve;
  });
  const { port } = await serve((request, response) => {
    request.socket.once('close', () => told('this node'));
    setTimeout(told, 2_500, 'the other side');
    response.writeHead(200, { 'keep-alive': 'timeout=3' }).end('hello');
  });
  await get(open({ policy: 'test' }), `http://127.0.0.1:${port}`);
  expect(await first).toBe('this node');
});

const refusal = async (call: Promise<unknown>): Promise<readonly [unknown, string]> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof Fault) return [error.detail['sent'], error.message];
    throw error;
  }
  throw new Error('the request was answered');
};

const to =
  (...addresses: string[]): ResolveHost =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

test.each([
  ['public', 'https://127.0.0.1:8443', /loopback/],
  ['public', 'https://[::1]:8443', /loopback/],
  ['public', 'https://[::ffff:7f00:1]:8443', /loopback/],
  ['public', 'https://10.1.2.3:8443', /private/],
  ['public', 'https://192.168.1.1', /private/],
  ['public', 'https://169.254.169.254', /metadata/],
  ['public', 'https://8.8.8.8:22', /port/],
  ['public', 'http://8.8.8.8', /http under the policy public/],
  ['public', 'https://user:secret@8.8.8.8', /plain/],
  ['public', 'ftp://8.8.8.8', /plain/],
  ['lan', 'http://127.0.0.1:8080', /loopback/],
  ['lan', 'http://169.254.169.254', /metadata/],
  ['test', 'http://169.254.169.254', /metadata/],
  ['test', 'http://127.0.0.1:25', /port/],
] as const)('under %s nothing connects to %s', async (policy, base, why) => {
  const [sent, message] = await refusal(get(open({ policy }), base));
  expect(sent).toBe(0);
  expect(message).toMatch(why);
  expect(() => open({ policy }).socket(base, '/x', {})).toThrow(why);
});

test('a name that leads to a forbidden address is not connected to', async () => {
  const { port, connections } = await serve(hello);
  const out = open({ policy: 'lan' }, { resolveHost: to('127.0.0.1') });
  const [sent, message] = await refusal(get(out, `http://good.example:${port}`));
  expect([sent, connections()]).toEqual([0, 0]);
  expect(message).toMatch(/loopback/);
  const socket = out.socket(`http://good.example:${port}`, '/x', {});
  const error = await new Promise<Error>((resolve) => {
    socket.once('error', resolve);
  });
  expect(error.message).toMatch(/loopback/);
  expect(connections()).toBe(0);
});

test('of several addresses a permitted one is connected to, and no other', async () => {
  const { port } = await serve(hello);
  const out = open({ policy: 'test' }, { resolveHost: to('169.254.169.254', '127.0.0.1') });
  const { body } = await get(out, `http://mixed.example:${port}`);
  expect(body.toString()).toBe('hello');
});

test('a name that changes its answer between two looks gains nothing', async () => {
  const { port, connections } = await serve(hello);
  const answers = [['169.254.169.254'], ['127.0.0.1']];
  const out = open(
    { policy: 'lan', onLoopback: true },
    { resolveHost: async () => to(...(answers.pop() ?? []))('') },
  );
  // The first look is the one that is connected to; the second finds a forbidden address.
  expect((await get(out, `http://rebind.example:${port}`)).status).toBe(200);
  expect(connections()).toBe(1);
  out.close();
  const [sent, message] = await refusal(get(out, `http://rebind.example:${port}`));
  expect(sent).toBe(0);
  expect(message).toMatch(/metadata/);
});

test('a redirect is an answer, not a way', async () => {
  const inner = await serve(hello);
  const outer = await serve((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end();
  });
  const { status } = await get(open({ policy: 'test' }), `http://127.0.0.1:${outer.port}`);
  expect(status).toBe(302);
  expect(inner.connections()).toBe(0);
});

test('connections are kept and used again', async () => {
  const { port, connections } = await serve(hello);
  const out = open({ policy: 'test' });
  for (let i = 0; i < 5; i += 1) await get(out, `http://127.0.0.1:${port}`);
  expect(connections()).toBe(1);
});

test('waiting calls do not stand in the way of short ones', async () => {
  const { port } = await serve((request, response) => {
    if (request.method === 'GET') response.end('quick');
  });
  const limits = { outboundSocketsPerHostMax: 1 };
  const out = open({ policy: 'test' }, { limits });
  const base = `http://127.0.0.1:${port}`;
  const poll = { method: 'POST', base, path: '/x', body: Buffer.from('x'), waits: true } as const;
  // One for each, as callers have: none of them outlives its call.
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const polls = controllers.map(({ signal }) => out.request({ ...poll, signal }));
  expect((await get(out, base)).body.toString()).toBe('quick');
  for (const controller of controllers) controller.abort();
  const ended = await Promise.allSettled(polls);
  expect(ended.every(({ status }) => status === 'rejected')).toBe(true);
});

test('an answer that is too long, too slow, or broken off is not known', async () => {
  const long = await serve((_request, response) => void response.end('x'.repeat(100_000)));
  const slow = await serve(() => undefined);
  const broken = await serve((request) => request.socket.destroy());
  const out = open({ policy: 'test' }, { limits: { outboundAnswerMs: 300 } });
  const signal = AbortSignal.timeout(10_000);
  const base = `http://127.0.0.1:${long.port}`;
  const asked = out.request({ method: 'GET', base, path: '/', signal, bytesMax: 1_000 });
  expect((await refusal(asked))[0]).toBe(1);
  expect((await refusal(get(out, `http://127.0.0.1:${slow.port}`)))[0]).toBe(1);
  expect((await refusal(get(out, `http://127.0.0.1:${broken.port}`)))[0]).toBe(1);
});

test('nothing was sent when nobody listens', async () => {
  const { port } = await serve(hello);
  closing.pop()?.();
  expect((await refusal(get(open({ policy: 'test' }), `http://127.0.0.1:${port}`)))[0]).toBe(0);
});

test('TLS is checked against the name, and nothing is sent when it does not fit', async () => {
  const seen: string[] = [];
  const server = createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) => {
    seen.push(request.url ?? '');
    response.end('secret');
  });
  const port = await listen(server as unknown as Server);
  const out = open({ policy: 'test' }, { resolveHost: to('127.0.0.1') });
  const [sent] = await refusal(get(out, `https://other.example:${port}`));
  expect([sent, seen]).toEqual([0, []]);
  const trusting = open({ policy: 'test' }, { resolveHost: to('127.0.0.1'), ca: TEST_CERTIFICATE });
  expect((await refusal(get(trusting, `https://other.example:${port}`)))[0]).toBe(0);
  expect((await get(trusting, `https://localhost:${port}`)).body.toString()).toBe('secret');
});
