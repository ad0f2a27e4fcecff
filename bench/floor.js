// The floor: what a request cannot cost less than on this machine, whatever the node does. Pieces in
// tight loops, and two bare servers: one that only speaks, one that also recovers and stores.

import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fastify from 'fastify';
import { Level } from 'level';
import { loadEngine } from '../dist/node/crypto/engines.js';
import { sha3 } from '../dist/node/crypto/hash.js';
import { parseSignature } from '../dist/node/crypto/signature.js';
import { answer, cpuUs } from './children.js';
import { person, quickEngine } from './people.js';

const REPLY = `{"payloadtype":"submitfuncspecmsg","payload":"${'A'.repeat(700)}","error":false}`;
const TEXT = 'text/plain; charset=utf-8';
const GROUP = 100;
const RECORD_BYTES = 1_000;

/** CPU time of one call of `run`, in microseconds, over about `ms` milliseconds. */
const costOf = (run, ms) => {
  const untilMs = performance.now() + ms;
  const before = cpuUs();
  let times = 0;
  while (performance.now() < untilMs) {
    for (let i = 0; i < 5; i++) run(times++);
  }
  return (cpuUs() - before) / times;
};

const recoverCost = async (name, ms) => {
  const [engine, quick] = await Promise.all([loadEngine(name), quickEngine()]);
  const { key } = person('floor', quick);
  const signed = Array.from({ length: 64 }, (_, i) => {
    const digest = sha3(`message ${i}`);
    return { digest, ...quick.sign(digest, key) };
  });
  return costOf((i) => {
    const { digest, rs, v } = signed[i % signed.length];
    engine.recover(digest, rs, v);
  }, ms);
};

const hashCost = (ms) => {
  const texts = Array.from({ length: 64 }, (_, i) => String(i).padEnd(RECORD_BYTES, 'x'));
  return costOf((i) => sha3(texts[i % texts.length]), ms);
};

/** A share of one hundredth in a synced append of a hundred records. */
const appendCost = (dir, ms) => {
  const path = join(dir, 'floor.log');
  const file = openSync(path, 'w');
  const group = Buffer.alloc(GROUP * RECORD_BYTES, 'x');
  const cost = costOf(() => {
    writeSync(file, group);
    fdatasyncSync(file);
  }, ms);
  closeSync(file);
  rmSync(path);
  return cost / GROUP;
};

const RAW_REPLY = `HTTP/1.1 200 OK\r\nContent-Type: ${TEXT}\r\nContent-Length: ${REPLY.length}\r\n\r\n${REPLY}`;

/** Answers whole requests that have a length; no more of HTTP than the load generator needs. */
const serveBare = async () => {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (more) => {
      text += more;
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      JSON.parse(text.slice(head + 4));
      text = '';
      socket.write(RAW_REPLY);
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
};

/** Puts that arrive during a batch share the next one. */
const makeGroups = (db) => {
  let next = [];
  let busy = false;
  const run = async () => {
    busy = true;
    while (next.length > 0) {
      const group = next;
      next = [];
      const batch = db.batch();
      for (const { key, value } of group) batch.put(key, value);
      await batch.write({ sync: true });
      for (const { done } of group) done();
    }
    busy = false;
  };
  return (key, value) =>
    new Promise((done) => {
      next.push({ key, value, done });
      if (!busy) setImmediate(run);
      busy = true;
    });
};

const serveStoring = async (dir, engineName) => {
  const engine = await loadEngine(engineName);
  const db = new Level(join(dir, 'floor'), { writeBufferSize: 32 * 1024 * 1024 });
  await db.open();
  const put = makeGroups(db);
  const app = fastify({ logger: false });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  let stored = 0;
  app.addHook('onRequest', (request, _reply, done) => {
    request.raw.headers['content-type'] = 'text/plain';
    done();
  });
  app.post('/api', async (request, reply) => {
    const { payload, signature } = JSON.parse(/** @type {string} */ (request.body));
    const { rs, v } = parseSignature(signature);
    if (engine.recover(sha3(payload), rs, v) === undefined) throw new Error('no key');
    stored += 1;
    await put(`${stored}`.padStart(16, '0'), payload);
    return reply.type(TEXT).send(REPLY);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return /** @type {import('node:net').AddressInfo} */ (app.server.address()).port;
};

answer({
  recover: ({ engine, ms }) => recoverCost(engine, ms),
  hash: ({ ms }) => hashCost(ms),
  append: ({ dir, ms }) => appendCost(dir, ms),
  serveBare,
  serveStoring: ({ dir, engine }) => serveStoring(dir, engine),
  usage: () => ({ cpuUs: cpuUs(), syncedBatches: 0 }),
});
