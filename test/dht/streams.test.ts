// Streams between two real hosts: reading that the sender feels, sending that waits, connections
// that died without saying so.

import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeConduct, makeCounters } from '../../src/dht/conduct.ts';
import { makeGater } from '../../src/dht/gater.ts';
import { type Host, makeHost } from '../../src/dht/host.ts';
import type { OverlayStream } from '../../src/dht/overlay.ts';
import { makeOpenLive, wrapStream } from '../../src/dht/streams.ts';
import { systemClock } from '../../src/node/clock.ts';
import { generateKey } from '../../src/node/crypto/keys.ts';
import { LIMITS } from '../../src/node/limits.ts';
import { silentLog } from '../../src/node/log.ts';
import { until } from '../support/overlay-world.ts';

const clock = systemClock();
const MiB = 1024 * 1024;

const startHost = async (): Promise<Host> => {
  const counters = makeCounters();
  const stand = { policy: 'test', onLoopback: true } as const;
  const conduct = makeConduct({
    clock,
    log: silentLog(),
    limits: LIMITS,
    counters,
    drop: () => undefined,
  });
  const host = await makeHost({
    stand,
    limits: LIMITS,
    privateKey: generateKey(clock),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    gater: makeGater({ stand, limits: LIMITS, conduct, counters, connections: () => [] }),
    extras: {},
    onFound: () => undefined,
  });
  await host.start();
  return host;
};

/** How many pieces each write to any socket had while something ran. */
const writesDuring = async (run: () => Promise<void>): Promise<number[]> => {
  const writes: number[] = [];
  const real = Socket.prototype._writev;
  const one = Socket.prototype._write;
  Socket.prototype._writev = function (chunks, done) {
    writes.push(chunks.length);
    real?.call(this, chunks, done);
  };
  Socket.prototype._write = function (chunk, encoding, done) {
    writes.push(1);
    one.call(this, chunk, encoding, done);
  };
  try {
    await run();
  } finally {
    if (real !== undefined) Socket.prototype._writev = real;
    Socket.prototype._write = one;
  }
  return writes;
};

describe('streams between two hosts', () => {
  let a: Host;
  let b: Host;

  beforeAll(async () => {
    a = await startHost();
    b = await startHost();
    await a.dial(b.getMultiaddrs());
  });
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  const pair = async (protocol: string): Promise<[OverlayStream, OverlayStream]> => {
    let there: OverlayStream | undefined;
    await b.handle(protocol, (stream) => {
      there = wrapStream(stream, 'a', LIMITS);
    });
    const stream = await a.dialProtocol(b.peerId, protocol);
    const here = wrapStream(stream, 'b', LIMITS);
    return [here, await until('the stream arrived', () => there)];
  };

  it('make the sender wait for a reader that does not read, and lose nothing', async () => {
    const [here, there] = await pair('/test/slow');
    const block = new Uint8Array(MiB).fill(7);
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < 32; i += 1) {
        await here.send(block);
        sent += block.length;
      }
      await here.close();
    })();
    // Many turns of the event loop, in which an unbounded sender would get rid of everything.
    for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(12 * MiB);
    let received = 0;
    for await (const bytes of there) {
      received += bytes.length;
      if (received % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await sending;
    expect(received).toBe(32 * MiB);
  });

  it('stay within what is read ahead on a long line, where the window grows', async () => {
    const [here, there] = await pair('/test/long-line');
    for (const connection of b.getConnections(a.peerId)) {
      // What the first probe of a line around the world gives.
      (connection as unknown as { muxer: { rtt: number } }).muxer.rtt = 300;
    }
    const block = new Uint8Array(MiB).fill(7);
    const count = 64;
    const sending = (async () => {
      for (let i = 0; i < count; i += 1) await here.send(block);
      await here.close();
    })();
    let received = 0;
    let pauseAt = 8 * MiB;
    for await (const bytes of there) {
      received += bytes.length;
      if (received < pauseAt) continue;
      pauseAt += 8 * MiB;
      // Long enough for a sender that may go on to send all that it may.
      for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await sending;
    expect(received).toBe(count * MiB);
  });

  it('are given up when a sender that never waits has too much unsent', async () => {
    await b.handle('/test/hasty', (stream) => stream.pause());
    const stream = await a.dialProtocol(b.peerId, '/test/hasty');
    const block = new Uint8Array(MiB);
    let taken = 0;
    const sendAll = (): void => {
      for (; taken < 64; taken += 1) stream.send(block);
    };
    expect(sendAll).toThrow('Cannot write to a stream that is closed');
    expect(taken * MiB).toBeLessThan(LIMITS.overlayStreamUnsentBytesMax + 4 * MiB);
    expect(stream.writeBufferLength).toBe(0);
  });

  it('write to their socket once for all that a moment brings, and are not answered for it', async () => {
    const [here, there] = await pair('/once');
    const reading = there[Symbol.asyncIterator]();
    // What belongs to the opening has passed when the first bytes have.
    await here.send(Buffer.from('first'));
    await reading.next();
    await there.send(Buffer.from('second'));
    await here[Symbol.asyncIterator]().next();
    const writes = await writesDuring(async () => {
      void here.send(Buffer.from('one'));
      void here.send(Buffer.from('two'));
      let got = '';
      while (got !== 'onetwo') got += Buffer.from((await reading.next()).value);
    });
    // Two messages, each a length and its content.
    expect(writes).toEqual([4]);
    here.abort(new Error('done'));
  });

  it('cost seven messages when they are opened, used once and closed', async () => {
    await a.services.ping.ping(b.peerId);
    const open = (): number =>
      [...a.getConnections(), ...b.getConnections()].flatMap(({ streams }) =>
        streams.filter(({ protocol }) => protocol.includes('ping')),
      ).length;
    await until('both sides closed the first', () => open() === 0);
    const writes = await writesDuring(async () => {
      await a.services.ping.ping(b.peerId);
      await until('both sides closed it', () => open() === 0);
    });
    // Protocol asked for, two lines of answer, ping, pong, and an end from each side.
    expect(writes.reduce((sum, pieces) => sum + pieces, 0)).toBe(2 * 7);
  });

  it('end with an error when the other side drops them', async () => {
    const [here, there] = await pair('/test/drop');
    await here.send(Uint8Array.of(1, 2, 3));
    const iterator = there[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value ?? [])).toEqual(Buffer.from([1, 2, 3]));
    here.abort(new Error('enough'));
    await expect(iterator.next()).rejects.toThrow();
    await expect(there.send(new Uint8Array(1))).rejects.toThrow();
  });

  it('end quietly when the other side closes them, after what it sent', async () => {
    const [here, there] = await pair('/test/close');
    await here.send(Uint8Array.of(9));
    await here.close();
    const chunks: Uint8Array[] = [];
    for await (const bytes of there) chunks.push(bytes);
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([9]));
    await there.close();
  });

  it('open past a connection that is dead but still listed', async () => {
    await b.handle('/test/zombie', (stream) => stream.close());
    await a.dial(b.getMultiaddrs());
    for (const connection of a.getConnections(b.peerId)) {
      (connection as unknown as { muxer: { abort(error: Error): void } }).muxer.abort(
        new Error('too many early streams'),
      );
    }
    await expect(a.dialProtocol(b.peerId, '/test/zombie')).rejects.toThrow();
    const stream = await makeOpenLive(() => a)(b.peerId, '/test/zombie', {
      signal: AbortSignal.timeout(5_000),
    });
    expect(stream.protocol).toBe('/test/zombie');
  });

  it('run on connections that no monitor of the library probes, and ends at a missed probe', () => {
    const { components } = a as unknown as { components: Record<string, unknown> };
    expect(() => components['connectionMonitor']).toThrow('connectionMonitor not set');
  });
});
