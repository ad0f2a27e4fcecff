import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { makeBuckets } from '../../src/dht/buckets.ts';
import { makeConduct, makeCounters } from '../../src/dht/conduct.ts';
import { listensOnLoopback, parseAddress, pinned, refusal } from '../../src/dht/policy.ts';
import { LIMITS, type Limits } from '../../src/node/limits.ts';
import type { AddressPolicy } from '../../src/node/model/address.ts';
import { lineLog } from '../support/overlay-world.ts';

const PEER = '16Uiu2HAmUgXXz6dcNpYZTWNFi8jjU8VUDJnMBJDERRLLWGKQSCdG';

const judged = (policy: AddressPolicy, text: string, onLoopback = false): string | undefined =>
  refusal({ policy, onLoopback }, multiaddr(text));

describe('the policy for multiaddresses', () => {
  it('permits TCP on addresses of the policy, with and without a peer', () => {
    expect(judged('public', '/ip4/8.8.8.8/tcp/4001')).toBeUndefined();
    expect(judged('public', `/ip4/8.8.8.8/tcp/4001/p2p/${PEER}`)).toBeUndefined();
    expect(judged('public', `/ip6/2606:4700::1111/tcp/4001/p2p/${PEER}`)).toBeUndefined();
    expect(judged('lan', '/ip4/192.168.0.4/tcp/4001')).toBeUndefined();
    expect(judged('test', '/ip4/127.0.0.1/tcp/4001')).toBeUndefined();
  });

  it('refuses loopback, private, link-local, mapped and metadata addresses under public', () => {
    for (const ip of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0']) {
      expect(judged('public', `/ip4/${ip}/tcp/4001`)).toMatch(/address/);
    }
    for (const ip of ['::1', '::ffff:127.0.0.1', 'fe80::1', 'fd00::1', '64:ff9b::a00:1']) {
      expect(judged('public', `/ip6/${ip}/tcp/4001`)).toMatch(/address/);
    }
    expect(judged('public', '/ip6zone/eth0/ip6/fe80::1/tcp/4001')).toMatch(/address/);
  });

  it('judges a relayed address by its relay', () => {
    const circuit = `/tcp/4001/p2p/${PEER}/p2p-circuit/p2p/${PEER}`;
    expect(judged('public', `/ip4/8.8.8.8${circuit}`)).toBeUndefined();
    expect(judged('public', `/ip4/127.0.0.1${circuit}`)).toMatch(/loopback/);
  });

  it('refuses every other shape', () => {
    for (const text of [
      '/ip4/8.8.8.8/udp/4001',
      '/ip4/8.8.8.8/udp/4001/quic-v1',
      '/ip4/8.8.8.8/tcp/4001/ws',
      `/p2p/${PEER}`,
      '/unix/%2Ftmp%2Fsock',
      `/ip4/8.8.8.8/tcp/1/p2p/${PEER}/p2p-circuit/p2p/${PEER}/p2p-circuit`,
      '/dnsaddr/bootstrap.example.org',
    ]) {
      expect(judged('test', text)).toBe('not a TCP address');
    }
  });

  it('refuses ports of other services under public', () => {
    expect(judged('public', '/ip4/8.8.8.8/tcp/22')).toMatch(/port 22/);
    expect(judged('public', '/ip4/8.8.8.8/tcp/443')).toBeUndefined();
    expect(judged('test', '/ip4/127.0.0.1/tcp/22')).toBeUndefined();
    expect(judged('test', '/ip4/127.0.0.1/tcp/0')).toMatch(/port 0/);
  });

  it('leaves names to the moment they are dialled, and pins them then', () => {
    const named = `/dns4/node.example.org/tcp/4001/p2p/${PEER}`;
    expect(judged('public', named)).toBeUndefined();
    expect(pinned(multiaddr(named), '8.8.8.8', 4).toString()).toBe(
      `/ip4/8.8.8.8/tcp/4001/p2p/${PEER}`,
    );
  });

  it('knows a node that lives on loopback', () => {
    expect(listensOnLoopback(['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'])).toBe(true);
    expect(listensOnLoopback(['/ip4/127.0.0.1/tcp/0', '/ip4/0.0.0.0/tcp/0'])).toBe(false);
    expect(listensOnLoopback([])).toBe(false);
    expect(() => parseAddress('127.0.0.1:80')).toThrow('not a multiaddress: 127.0.0.1:80');
  });
});

describe('rates', () => {
  it('let a burst through, then what the refill gives', () => {
    let now = 0;
    const buckets = makeBuckets({ perSecond: 10, burst: 3, keysMax: 100, now: () => now });
    expect([1, 2, 3, 4].map(() => buckets.take('a'))).toEqual([true, true, true, false]);
    expect(buckets.take('b')).toBe(true);
    now += 200;
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([true, true, false]);
    now += 60_000;
    expect(buckets.take('a', 4)).toBe(false);
    expect(buckets.take('a', 3)).toBe(true);
  });

  it('remember a bounded number of keys', () => {
    const buckets = makeBuckets({ perSecond: 0, burst: 1, keysMax: 2, now: () => 0 });
    for (const key of ['a', 'b', 'c']) expect(buckets.take(key)).toBe(true);
    expect(buckets.take('c')).toBe(false);
    expect(buckets.take('a')).toBe(true);
  });
});

describe('the conduct of peers', () => {
  it('is logged once, and costs a peer its connection and its return for a while', () => {
    let now = 1_000;
    const lines: string[] = [];
    const dropped: string[] = [];
    const limits = { ...LIMITS, overlayFaultsMax: 3 } as Limits;
    const counters = makeCounters();
    const conduct = makeConduct({
      clock: { now: () => now },
      log: lineLog(lines),
      limits,
      counters,
      drop: (peer) => dropped.push(peer),
    });
    conduct.fault('p', 'flood');
    conduct.fault('p', 'flood');
    now += LIMITS.overlayFaultWindowMs + 1;
    conduct.fault('p', 'flood');
    expect(dropped).toEqual([]);
    conduct.fault('p', 'frames', 2);
    expect(dropped).toEqual(['p']);
    expect(conduct.banned('p')).toBe(true);
    expect(lines).toHaveLength(1);
    now += LIMITS.overlayBanMs + 1;
    expect(conduct.banned('p')).toBe(false);
    expect(counters.all()).toEqual({ 'fault-flood': 3, 'fault-frames': 1, 'peer-banned': 1 });
  });
});
