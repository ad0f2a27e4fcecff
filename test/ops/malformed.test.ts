// What is no HTTP, or HTTP that cannot be taken: an error envelope says why, then the connection ends.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Limits } from '../../src/node/limits.ts';
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
});
afterEach(async () => {
  await at.close();
  expect(w.complaints()).toEqual([]);
  await w.close();
});

/** The reply in a whole response, which must be all that a client needs to read it. */
const replyIn = (response: string) => {
  const [head = '', body = ''] = response.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  expect(head).toMatch(/^content-type: text\/plain; charset=utf-8$/im);
  expect(head).toMatch(/^connection: close$/im);
  expect(/^content-length: (\d+)$/im.exec(head)?.[1]).toBe(String(body.length));
  const answer = answerOf(status, body);
  expect(answer).toMatchObject({ error: true, payloadtype: 'error', payload: { status } });
  return [status, answer.payload.message];
};

const HOST = 'Host: x\r\n';

const PLAIN = /^malformed HTTP request: /;
const CLOSE = 'Connection: close\r\n';

const CASES: Readonly<Record<string, readonly [text: string, status: number, why: RegExp]>> = {
  'what is no HTTP': ['hello there\r\n\r\n', 400, PLAIN],
  'the start of TLS': ['\u0016\u0003\u0001\u0002\u0000\u0001', 400, PLAIN],
  'an unknown version': ['GET / HTTP/9.9\r\n\r\n', 400, PLAIN],
  'a length that is no number': [
    `POST /api HTTP/1.1\r\n${HOST}Content-Length: x\r\n\r\n`,
    400,
    PLAIN,
  ],
  'a length below zero': [`POST /api HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400, PLAIN],
  'two ways to tell the length': [
    `POST /api HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
    PLAIN,
  ],
  'a header without a name': [`POST /api HTTP/1.1\r\n${HOST}bad header\r\n\r\n`, 400, PLAIN],
  'a control character in a header': [
    `POST /api HTTP/1.1\r\n${HOST}a: b\u0000c\r\n\r\n`,
    400,
    PLAIN,
  ],
  'a chunk without a length': [
    `POST /api HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    400,
    PLAIN,
  ],
  'a path of 20,000 characters': [
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`,
    431,
    /^request headers are too large$/,
  ],
  'a header of 20,000 characters': [
    `GET / HTTP/1.1\r\n${HOST}a: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    /^request headers are too large$/,
  ],
  'no host': ['POST /api HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 400, /^missing Host header$/],
  'a path that is no URL': [`GET /%zz HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 400, /^malformed URL$/],
  'a wish that nobody knows': [
    `POST /api HTTP/1.1\r\n${HOST}Content-Length: 2\r\nExpect: a miracle\r\n\r\n{}`,
    417,
    /^the only expectation that is met is 100-continue$/,
  ],
};

test.each(Object.entries(CASES))('%s is refused', async (_what, [text, status, why]) => {
  await start();
  const line = await dial(at.port);
  line.write(text);
  const [told, message] = replyIn(await line.ended());
  expect(told).toBe(status);
  expect(message).toMatch(why);
});

const SLOW: Partial<Limits> = { headersMs: 100, requestMs: 200, arrivalCheckMs: 50 };

test.each([
  ['headers', 'POST /api HTTP/1.1\r\nHost: x\r\nContent-'],
  ['a body', 'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{'],
])('who does not finish %s is told that the time is over', async (_what, text) => {
  await start({ limits: SLOW });
  const line = await dial(at.port);
  line.write(text);
  expect(replyIn(await line.ended())).toEqual([408, 'the request did not arrive in time']);
});

test('a WebSocket handshake that is none is answered as on the original servers', async () => {
  await start();
  for (const bad of ['Sec-WebSocket-Key: bad', 'Sec-WebSocket-Version: 99', 'X: y']) {
    const line = await dial(at.port);
    const wish = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    line.write(`GET /pubsub HTTP/1.1\r\n${HOST}${wish}${bad}\r\n\r\n`);
    const response = await line.ended();
    expect(response).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(response).toMatch(/^sec-websocket-version: 13\r$/im);
    expect(response.endsWith('\r\n\r\nBad Request\n')).toBe(true);
  }
});

test('whoever was refused a handshake is let go of, even if he never hangs up', async () => {
  await start();
  const socket = connect({ port: at.port, host: '127.0.0.1', allowHalfOpen: true });
  const wish = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  socket.resume().write(`GET /pubsub HTTP/1.1\r\n${HOST}${wish}\r\n`);
  await once(socket, 'end');
  // A server that held on to him would never have stopped.
  await at.close();
  socket.destroy();
  await start();
});

test('HTTP/1.0 asks for no host', async () => {
  await start();
  const line = await dial(at.port);
  line.write('GET /health HTTP/1.0\r\n\r\n');
  expect(await line.ended()).toMatch(/^HTTP\/1\.1 200/);
});

test('behind TLS it is the same', async () => {
  await start({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
  const socket = connectTls({ port: at.port, host: '127.0.0.1', rejectUnauthorized: false });
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more;
  });
  await once(socket, 'secureConnect');
  socket.write('hello there\r\n\r\n');
  await once(socket, 'close');
  expect(replyIn(text)[0]).toBe(400);
  const plain = await dial(at.port);
  plain.write(`GET /health HTTP/1.1\r\n${HOST}\r\n`);
  // What is no TLS has no key to be answered under.
  expect(await plain.ended()).not.toContain('HTTP/1.1 200');
});

test('behind TLS whoever does not agree on keys in time is let go of', async () => {
  const limits = { requestMs: 100, replyStallMs: 100 };
  await start({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY }, limits });
  const line = await dial(at.port);
  // The start of a handshake that never goes on.
  line.write('\x16\x03\x01\x00\xff');
  expect(await line.ended()).toBe('');
});

test('a connection that is reset in the middle of a request disturbs nobody', async () => {
  await start();
  for (const text of [
    'POST /api HT',
    'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
  ]) {
    const line = await dial(at.port);
    line.write(text);
    line.socket.resetAndDestroy();
  }
  expect((await fetch(`${at.url}/health`)).status).toBe(200);
});
