// The HTTP server over real sockets.

import { once } from 'node:events';
import { request as tlsRequest } from 'node:https';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeLog } from '../../src/node/log.ts';
import type { Origin, Reply } from '../../src/node/model/envelope.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { dial, type Served, type ServeOptions, serve } from '../support/served.ts';
import { answerOf, openWorld, type World } from '../support/world.ts';

let w: World;
let at: Served;
const start = async (options?: ServeOptions): Promise<void> => {
  at = await serve(w, options);
};
beforeEach(async () => {
  w = await openWorld();
  await w.settle();
});
afterEach(async () => {
  await at.close();
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const envelope = (fields: object = { colonyname: 'dev' }, type = 'getcolonymsg', who = 'alice') =>
  w.sealed(who, type, JSON.stringify({ ...fields, msgtype: type }));

const request = (body: string, headers: readonly string[] = [], path = '/api'): string =>
  [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${at.port}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');

const bodyOf = (response: string): string => response.slice(response.indexOf('\r\n\r\n') + 4);

test('a reply is text, whole and counted', async () => {
  await start();
  const reply = await fetch(`${at.url}/api`, { method: 'POST', body: envelope() });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(reply.headers.get('keep-alive')).toBe('timeout=120');
  const text = await reply.text();
  expect(reply.headers.get('content-length')).toBe(String(text.length));
  expect(answerOf(200, text).payload.name).toBe('dev');
});

test('a refusal has its status and its envelope', async () => {
  await start();
  const reply = await fetch(`${at.url}/api`, { method: 'POST', body: envelope({}) });
  expect(reply.status).toBe(403);
  expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(answerOf(403, await reply.text())).toMatchObject({
    error: true,
    payload: { status: 403 },
  });
});

test('any content type is accepted, also none and nonsense', async () => {
  await start();
  const types = [
    'application/json',
    'text/plain;charset=UTF-8',
    'plain/text',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
    ';;=',
    '',
    undefined,
  ];
  for (const type of types) {
    const line = await dial(at.port);
    const header = type === undefined ? [] : [`Content-Type: ${type}`];
    line.write(request(envelope(), [...header, 'Connection: close']));
    expect([type, (await line.ended()).slice(0, 15)]).toEqual([type, 'HTTP/1.1 200 OK']);
  }
});

test('a nonsense content type changes nothing anywhere else either', async () => {
  await start();
  const send = async (path: string, method: string) => {
    const line = await dial(at.port);
    const text = request('{}', ['Content-Type: nonsense', 'Connection: close'], path);
    line.write(text.replace(/^POST/, method));
    return (await line.ended()).slice(9, 12);
  };
  expect(await send('/nowhere', 'POST')).toBe('404');
  expect(await send('/api', 'PUT')).toBe('404');
  expect(await send('/api', 'PROPFIND')).toBe('404');
  expect(await send('/api/', 'POST')).toBe('307');
});

test('query strings and the accept header change nothing', async () => {
  await start();
  const reply = await fetch(`${at.url}/api?x=1`, {
    method: 'POST',
    body: envelope(),
    headers: { accept: 'image/png', 'content-type': 'foo' },
  });
  expect(reply.status).toBe(200);
});

test('a body may come in chunks', async () => {
  await start();
  const line = await dial(at.port);
  const body = envelope();
  const chunks = [body.slice(0, 10), body.slice(10)].map(
    (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
  );
  line.write(
    `POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
  );
  line.write(`${chunks.join('')}0\r\n\r\n`);
  expect(await line.ended()).toMatch(/^HTTP\/1.1 200/);
});

test('an empty body is a malformed envelope', async () => {
  await start();
  const reply = await fetch(`${at.url}/api`, { method: 'POST' });
  expect(reply.status).toBe(400);
  expect(answerOf(400, await reply.text()).payload.message).toBe('unexpected end of JSON input');
});

test('health answers, everything else is not there', async () => {
  await start();
  const get = async (path: string, method = 'GET') => {
    const reply = await fetch(`${at.url}${path}`, { method, redirect: 'manual' });
    return [
      reply.status,
      reply.headers.get('content-type'),
      reply.headers.get('location'),
      await reply.text(),
    ];
  };
  expect(await get('/health')).toEqual([200, 'text/plain; charset=utf-8', null, '']);
  const none = [404, 'text/plain', null, '404 page not found'];
  expect(await get('/')).toEqual(none);
  expect(await get('/api')).toEqual(none);
  expect(await get('/api/')).toEqual(none);
  expect(await get('/metrics')).toEqual(none);
  expect(await get('/api', 'PUT')).toEqual(none);
  expect(await get('/api', 'DELETE')).toEqual(none);
  expect(await get('/api', 'OPTIONS')).toEqual(none);
  expect((await get('/health', 'HEAD')).slice(0, 2)).toEqual([404, 'text/plain']);
  expect((await get('/api/', 'POST')).slice(0, 3)).toEqual([307, null, '/api']);
  expect((await get('/health/')).slice(0, 3)).toEqual([301, null, '/health']);
  expect(await get('/pubsub')).toEqual([400, 'text/plain; charset=utf-8', null, 'Bad Request\n']);
  expect((await get('/%zz'))[0]).toBe(400);
});

test('other origins may read, and their preflights are answered on any path', async () => {
  await start();
  const origin = { origin: 'https://elsewhere.example' };
  for (const path of ['/api', '/nowhere']) {
    const preflight = await fetch(`${at.url}${path}`, { method: 'OPTIONS', headers: origin });
    expect(preflight.status).toBe(204);
    expect(await preflight.text()).toBe('');
    const names = ['allow-origin', 'allow-methods', 'allow-headers', 'max-age'];
    expect(names.map((name) => preflight.headers.get(`access-control-${name}`))).toEqual([
      '*',
      'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS',
      'Origin,Content-Length,Content-Type',
      '43200',
    ]);
  }
  const allowed = async (init: RequestInit, path = '/api') =>
    (await fetch(`${at.url}${path}`, init)).headers.get('access-control-allow-origin');
  expect(await allowed({ method: 'POST', body: envelope(), headers: origin })).toBe('*');
  expect(await allowed({ method: 'POST', body: '{', headers: origin })).toBe('*');
  expect(await allowed({ headers: origin }, '/health')).toBe('*');
  expect(await allowed({ headers: origin }, '/nowhere')).toBe('*');
  expect(await allowed({ method: 'POST', body: envelope() })).toBe(null);
  expect(await allowed({ headers: { origin: at.url } }, '/health')).toBe(null);
});

test('a body that is too large is refused, whether announced or not', async () => {
  await start({ limits: { bodyBytesMax: 2000 } });
  const told = { status: 413, message: 'request body is larger than 2000 bytes' };
  const announced = await fetch(`${at.url}/api`, { method: 'POST', body: 'x'.repeat(3000) });
  expect(answerOf(announced.status, await announced.text())).toMatchObject({
    status: 413,
    error: true,
    payload: told,
  });
  const line = await dial(at.port);
  line.write('POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  line.write(`bb8\r\n${'x'.repeat(3000)}\r\n0\r\n\r\n`);
  expect(await line.until('}')).toMatch(/^HTTP\/1.1 413/);
  line.socket.destroy();
  expect((await fetch(`${at.url}/api`, { method: 'POST', body: envelope() })).status).toBe(200);
});

test('what is left of a body that is too large is read and dropped, so its sender reads why', async () => {
  await start({ limits: { bodyBytesMax: 2000 } });
  const line = await dial(at.port);
  const chunked = 'Transfer-Encoding: chunked';
  let replies = 0;
  for (const [header, from, to] of [
    ['Content-Length: 4000', '', 'x'.repeat(4000)],
    [chunked, `bb8\r\n${'x'.repeat(3000)}\r\n`, `3e8\r\n${'x'.repeat(1000)}\r\n0\r\n\r\n`],
  ] as const) {
    line.write(`POST /api HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n${from}`);
    replies += 1;
    expect(await line.until('}', replies)).toMatch(/HTTP\/1.1 413[^}]*}$/);
    line.write(to);
    line.write(request(envelope()));
    replies += 1;
    expect(await line.until('}', replies)).toMatch(/HTTP\/1.1 200[^}]*}$/);
  }
  line.socket.destroy();
});

test('large bodies share a room; small ones need none', async () => {
  await start({ limits: { bodyFreeBytes: 2_000, bodiesBytesMax: 10_000 } });
  const post = (body: string) => fetch(`${at.url}/api`, { method: 'POST', body });
  const half = await dial(at.port);
  half.write(`POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(8_000)}`);
  const waiting = { colonyname: 'dev', timeout: 10, pad: 'x'.repeat(5_000) };
  for (;;) {
    // The bytes of the other connection may still be on their way.
    const refused = await post(envelope({ colonyname: 'dev', pad: 'x'.repeat(5_000) }));
    const answer = answerOf(refused.status, await refused.text());
    if (answer.status === 200) continue;
    expect(answer.payload).toEqual({
      status: 503,
      message: 'too many large requests at once; try again later',
    });
    break;
  }
  expect((await post(envelope())).status).toBe(200);
  const chunked = await dial(at.port);
  chunked.write('POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  chunked.write(`bb8\r\n${'x'.repeat(3_000)}\r\n`);
  expect(await chunked.until('}')).toMatch(/^HTTP\/1.1 503/);
  half.socket.destroy();
  chunked.socket.destroy();
  // A call that waits keeps its room, and gives it back at its end.
  const poll = await dial(at.port);
  poll.write(request(envelope(waiting, 'assignprocessmsg', 'e1')));
  const large = envelope({ colonyname: 'dev', pad: 'x'.repeat(4_000) });
  while ((await post(large)).status === 200);
  await w.submit('alice');
  expect(await poll.until('"error":false}')).toMatch(/^HTTP\/1.1 200/);
  while ((await post(large)).status !== 200);
  poll.socket.destroy();
});

test('a client that does not finish its headers is cut off', async () => {
  await start({ limits: { headersMs: 100, requestMs: 200, arrivalCheckMs: 50 } });
  const silent = await dial(at.port);
  const half = await dial(at.port);
  half.write('POST /api HTTP/1.1\r\nHost: x\r\nContent-');
  expect(await half.ended()).toMatch(/^HTTP\/1.1 408/);
  expect(await silent.ended()).toMatch(/^(HTTP\/1.1 408|$)/);
});

test('a client that does not finish its body is cut off, a waiting one is not', async () => {
  await start({ limits: { headersMs: 100, requestMs: 200, arrivalCheckMs: 50 } });
  const waiting = await dial(at.port);
  waiting.write(request(envelope({ colonyname: 'dev', timeout: 10 }, 'assignprocessmsg', 'e1')));
  const slow = await dial(at.port);
  slow.write('POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
  expect(await slow.ended()).toMatch(/^HTTP\/1.1 408/);
  await w.submit('alice');
  expect(await waiting.until('"error":false}')).toMatch(/^HTTP\/1.1 200/);
  waiting.socket.destroy();
});

/** A dispatcher that answers a number with so many bytes, and anything else when told to. */
const answering = () => {
  const signals: AbortSignal[] = [];
  let release = (): void => undefined;
  const waiting = new Promise<void>((resolve) => {
    release = resolve;
  });
  let lose = (): void => undefined;
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const receive = async (body: Uint8Array | string, origin: Origin): Promise<Reply> => {
    signals.push(origin.signal);
    const asked = Buffer.from(body).toString();
    if (asked === 'wait') await waiting;
    const text = asked === 'wait' ? 'waited' : 'x'.repeat(Number(asked));
    return { status: 200, body: text, onLost: async () => lose() };
  };
  return { dispatch: { ...w.dispatch, receive }, signals, release, lost };
};
/** More than the system keeps for a reader. */
const LARGE = 30 * 2 ** 20;

test('a reader that takes nothing of its reply is cut off, and the reply is undone', async () => {
  const { dispatch, lost } = answering();
  await start({ dispatch, limits: { replyStallMs: 100 } });
  const line = await dial(at.port);
  line.socket.pause();
  line.write(request(String(LARGE)));
  await lost;
  line.socket.destroy();
});

test('a reply of a route that nobody takes is cut off and undone likewise', async () => {
  const body = 'x'.repeat(LARGE);
  let lose = (): void => undefined;
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const handle = () => ({ status: 200, body, onLost: async () => lose() });
  const routes = [{ method: 'POST', path: '/large', handle }] as const;
  await start({ routes, limits: { replyStallMs: 100 } });
  const line = await dial(at.port);
  line.socket.pause();
  line.write(request('', [], '/large'));
  await lost;
  line.socket.destroy();
});

test('many small replies that nobody takes end the connection, too', async () => {
  const { dispatch, signals } = answering();
  await start({ dispatch, limits: { replyStallMs: 100 } });
  const line = await dial(at.port);
  line.socket.pause();
  for (let n = 0; n < 2_000; n += 1) line.write(request('10000'));
  for (;;) {
    if (signals.some(({ aborted }) => aborted)) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  line.socket.destroy();
});

test('a call that waits behind a large reply is not cut off', async () => {
  const { dispatch, release } = answering();
  await start({ dispatch, limits: { replyStallMs: 100 } });
  const line = await dial(at.port);
  line.write(request('200000') + request('wait'));
  // Longer than a reply may stand still.
  await new Promise((resolve) => setTimeout(resolve, 500));
  release();
  expect((await line.until('waited')).length).toBeGreaterThan(200_000);
  line.socket.destroy();
});

test('a reply over that bound is sent when no other one waits', async () => {
  const { dispatch } = answering();
  await start({ dispatch, limits: { repliesBytesMax: 100_000 } });
  const reply = await fetch(`${at.url}/api`, { method: 'POST', body: '200000' });
  expect(await reply.text()).toHaveLength(200_000);
});

test('replies that wait for their readers have a bound together; small ones always get through', async () => {
  const { dispatch, signals } = answering();
  await start({ dispatch, limits: { repliesBytesMax: LARGE } });
  const post = (body: string) => fetch(`${at.url}/api`, { method: 'POST', body });
  const stuck = await dial(at.port);
  stuck.socket.pause();
  stuck.write(request(String(LARGE)));
  while (signals.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await expect(post('20000').then((reply) => reply.text())).rejects.toThrow();
  expect(await (await post('10')).text()).toHaveLength(10);
  stuck.socket.destroy();
  const again = async (): Promise<string> => {
    for (;;) {
      try {
        return await (await post('20000')).text();
      } catch {
        // Expected until the server has noticed that the slow reader is gone.
      }
    }
  };
  expect(await again()).toHaveLength(20_000);
  expect(new Set(w.complaints().map(({ message }) => message))).toEqual(
    new Set(['a reply was given up: too much waits for slow readers']),
  );
  w.lines.length = 0;
});

test('what is no HTTP is answered and closed', async () => {
  await start();
  const line = await dial(at.port);
  line.write('hello there\r\n\r\n');
  expect(await line.ended()).toMatch(/^HTTP\/1.1 400/);
});

test('a caller that goes away while waiting is given nothing', async () => {
  await start();
  const line = await dial(at.port);
  line.write(request(envelope({ colonyname: 'dev', timeout: 50 }, 'assignprocessmsg', 'e1')));
  while (w.clock.timers() < 1) await new Promise((resolve) => setImmediate(resolve));
  line.socket.destroy();
  while (w.clock.timers() > 0) await new Promise((resolve) => setImmediate(resolve));
  const { processid } = await w.submit('alice');
  expect(await w.assign('e2')).toMatchObject({ processid });
});

test('a call that waits behind another one is given nothing either when their caller goes', async () => {
  await start();
  const line = await dial(at.port);
  const poll = request(envelope({ colonyname: 'dev', timeout: 50 }, 'assignprocessmsg', 'e1'));
  line.write(poll.repeat(3));
  while (w.clock.timers() < 3) await new Promise((resolve) => setImmediate(resolve));
  line.socket.destroy();
  while (w.clock.timers() > 0) await new Promise((resolve) => setImmediate(resolve));
  const { processid } = await w.submit('alice');
  expect(await w.assign('e2')).toMatchObject({ processid });
});

test('a large body of a call that waits behind another one gives its room back', async () => {
  await start({ limits: { bodyFreeBytes: 2_000, bodiesBytesMax: 10_000 } });
  const large = envelope({ colonyname: 'dev', pad: 'x'.repeat(5_000) });
  const poll = request(envelope({ colonyname: 'dev', timeout: 50 }, 'assignprocessmsg', 'e1'));
  for (let n = 0; n < 3; n += 1) {
    const line = await dial(at.port);
    line.write(poll + request(large));
    while (w.clock.timers() < 1) await new Promise((resolve) => setImmediate(resolve));
    line.socket.destroy();
    while (w.clock.timers() > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const post = () => fetch(`${at.url}/api`, { method: 'POST', body: large });
  while ((await post()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
});

test('a reply that finds nobody is undone', async () => {
  let answer = (_reply: Reply): void => undefined;
  const asked = new Promise<Origin>((resolve) => {
    const receive = (_body: unknown, origin: Origin): Promise<Reply> => {
      resolve(origin);
      return new Promise((done) => {
        answer = done;
      });
    };
    void start({ dispatch: { ...w.dispatch, receive } })
      .then(() => dial(at.port))
      .then((line) => {
        line.write(request('{}'));
        void asked.then(() => line.socket.destroy());
      });
  });
  const { signal } = await asked;
  if (!signal.aborted) await once(signal, 'abort');
  await new Promise<void>((resolve) => {
    answer({ status: 200, body: '{}', onLost: async () => resolve() });
  });
});

test('many calls share one connection', async () => {
  await start();
  const line = await dial(at.port);
  for (let n = 1; n <= 30; n += 1) {
    line.write(request(envelope()));
    await line.until('"error":false}', n);
  }
  line.socket.destroy();
});

test('a wish to upgrade to anything but WebSocket is ignored', async () => {
  await start();
  const line = await dial(at.port);
  const wish = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
  line.write(request(envelope(), wish));
  const first = await line.until('"error":false}');
  expect(first).toMatch(/^HTTP\/1.1 200/);
  expect(answerOf(200, bodyOf(first)).payload.name).toBe('dev');
  line.write(request(envelope()));
  await line.until('"error":false}', 2);
  line.socket.destroy();
  const elsewhere = await dial(at.port);
  elsewhere.write(
    'GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  expect(await elsewhere.until('not found')).toMatch(/^HTTP\/1.1 404/);
  elsewhere.socket.destroy();
});

test('stopping answers who waits, closes connections and refuses new ones', async () => {
  await start();
  const idle = await dial(at.port);
  const line = await dial(at.port);
  line.write(request(envelope({ colonyname: 'dev', timeout: 50 }, 'assignprocessmsg', 'e1')));
  while (w.clock.timers() < 1) await new Promise((resolve) => setImmediate(resolve));
  const closing = at.close();
  const answer = await line.ended();
  expect(answer).toMatch(/^HTTP\/1.1 503/);
  expect(answer).toMatch(/connection: close/i);
  expect(await idle.ended()).toBe('');
  await closing;
  await expect(fetch(`${at.url}/health`)).rejects.toThrow();
});

test('stopping cuts off who does not finish, after a grace', async () => {
  await start();
  const slow = await dial(at.port);
  slow.write('POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
  const health = await fetch(`${at.url}/health`);
  expect(health.status).toBe(200);
  const closing = at.close();
  w.clock.advance(6_000);
  await slow.ended();
  await closing;
});

test('the composition adds routes of its own', async () => {
  const seen: unknown[] = [];
  await start({
    routes: [
      {
        method: 'POST',
        path: '/other/:name',
        bodyBytesMax: 10,
        handle: ({ body, params, query, headers, ip }) => {
          seen.push([Buffer.from(body).toString(), params['name'], query['q'], headers['x-a'], ip]);
          return { status: 201, headers: { 'content-type': 'x/y' }, body: Buffer.from([1, 2]) };
        },
      },
      { method: 'GET', path: '/metrics', handle: () => ({ status: 200, body: 'a 1\n' }) },
    ],
  });
  const post = (body: string) =>
    fetch(`${at.url}/other/x?q=1`, { method: 'POST', body, headers: { 'x-a': 'b' } });
  const reply = await post('hi');
  expect([reply.status, reply.headers.get('content-type')]).toEqual([201, 'x/y']);
  expect(Buffer.from(await reply.arrayBuffer())).toEqual(Buffer.from([1, 2]));
  expect(seen).toEqual([['hi', 'x', '1', 'b', '127.0.0.1']]);
  expect((await post('x'.repeat(11))).status).toBe(413);
  expect(await (await fetch(`${at.url}/metrics`)).text()).toBe('a 1\n');
});

test('with a certificate the same is served over TLS', async () => {
  await start({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
  const body = envelope();
  const answer = await new Promise<[number, string]>((resolve, reject) => {
    const options = { method: 'POST', ca: TEST_CERTIFICATE, servername: 'localhost' };
    const sent = tlsRequest(`${at.url}/api`, options, (reply) => {
      let text = '';
      reply.on('data', (more) => {
        text += more;
      });
      reply.on('end', () => resolve([reply.statusCode ?? 0, text]));
    });
    sent.on('error', reject);
    sent.end(body);
  });
  expect(answerOf(...answer).payload.name).toBe('dev');
});

test('a port that is taken is an error of listening', async () => {
  await start();
  const taken = at.port;
  const { makeHttpServer } = await import('../../src/api/http.ts');
  const other = makeHttpServer({
    dispatch: w.dispatch,
    sockets: {},
    drain: () => undefined,
    clock: w.clock,
    log: w.deps.log,
  });
  await expect(other.listen({ host: '127.0.0.1', port: taken })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  await other.close();
});

test('a reply that cannot be sent as it is costs its caller an error, and nobody else anything', async () => {
  const { makeHttpServer } = await import('../../src/api/http.ts');
  const complaints: string[] = [];
  const log = makeLog('error', (_level, message) => complaints.push(message));
  let reply: { status: number; body: string; proof?: string } = { status: 200, body: 'x' };
  const other = makeHttpServer({
    dispatch: { ...w.dispatch, receive: async () => reply },
    sockets: {},
    drain: () => undefined,
    clock: w.clock,
    log,
  });
  const { port } = await other.listen({ host: '127.0.0.1', port: 0 });
  const send = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/api`, { method: 'POST', body: '{}' })).status;
  for (const odd of [{ status: 99_999 }, { status: 0 }, { status: 200, proof: 'a\r\nb' }]) {
    reply = { body: 'x', ...odd };
    expect(await send()).toBe(500);
  }
  expect(complaints).toHaveLength(3);
  reply = { status: 200, body: 'x' };
  expect(await send()).toBe(200);
  await other.close();
});
