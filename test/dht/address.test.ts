import { describe, expect, it } from 'vitest';
import { addressKind, forbidden, permittedPort } from '../../src/node/model/address.ts';

const KINDS: Record<string, string | undefined> = {
  '127.0.0.1': 'loopback',
  '127.255.0.9': 'loopback',
  '::1': 'loopback',
  '::ffff:127.0.0.1': 'loopback',
  '::ffff:7f00:1': 'loopback',
  '64:ff9b::7f00:1': 'loopback',
  '2002:7f00:1::': 'loopback',
  '10.1.2.3': 'private',
  '172.16.0.1': 'private',
  '172.32.0.1': 'public',
  '192.168.255.255': 'private',
  '100.64.0.1': 'private',
  'fd12::1': 'private',
  '::ffff:10.0.0.1': 'private',
  '::ffff:0:10.0.0.1': 'private',
  '::10.0.0.1': 'private',
  '169.254.1.1': 'link-local',
  'fe80::1': 'link-local',
  'fe80::1%eth0': 'link-local',
  '169.254.169.254': 'metadata',
  '::ffff:169.254.169.254': 'metadata',
  '64:ff9b::a9fe:a9fe': 'metadata',
  '100.100.100.200': 'metadata',
  'fd00:ec2::254': 'metadata',
  '0.0.0.0': 'reserved',
  '::': 'reserved',
  '255.255.255.255': 'reserved',
  '224.0.0.1': 'reserved',
  'ff02::1': 'reserved',
  '192.0.2.1': 'reserved',
  '198.18.0.1': 'reserved',
  '2001::1': 'reserved',
  '2001:db8::1': 'reserved',
  'fec0::1': 'reserved',
  '8.8.8.8': 'public',
  '2606:4700::1111': 'public',
  '::ffff:8.8.8.8': 'public',
  localhost: undefined,
  '1.2.3': undefined,
  '': undefined,
};

describe('numeric addresses', () => {
  for (const [ip, kind] of Object.entries(KINDS)) {
    it(`${ip === '' ? 'the empty text' : ip} is ${kind ?? 'no address'}`, () => {
      expect(addressKind(ip)).toBe(kind);
    });
  }
});

describe('the address policy', () => {
  it('reaches only the public internet under public', () => {
    for (const [ip, kind] of Object.entries(KINDS)) {
      expect(forbidden('public', ip, { onLoopback: true }) === undefined).toBe(kind === 'public');
    }
  });

  it('reaches private networks under lan, and loopback only for a node that lives there', () => {
    expect(forbidden('lan', '192.168.1.4')).toBeUndefined();
    expect(forbidden('lan', '8.8.8.8')).toBeUndefined();
    expect(forbidden('lan', '127.0.0.1')).toMatch(/loopback/);
    expect(forbidden('lan', '127.0.0.1', { onLoopback: true })).toBeUndefined();
    expect(forbidden('lan', '169.254.3.4', { onLoopback: true })).toMatch(/link-local/);
  });

  it('never reaches metadata services or reserved addresses', () => {
    for (const policy of ['test', 'lan', 'public'] as const) {
      expect(forbidden(policy, '169.254.169.254')).toMatch(/metadata/);
      expect(forbidden(policy, '0.0.0.0')).toMatch(/reserved/);
      expect(forbidden(policy, 'example.org')).toMatch(/numeric/);
    }
  });

  it('permits web ports and unprivileged ports', () => {
    expect([22, 25, 0, 65_536, 80, 443, 1024, 65_535].filter(permittedPort)).toEqual([
      80, 443, 1024, 65_535,
    ]);
  });
});
