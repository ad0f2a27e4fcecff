// What a stranger's URL may make this node connect to.

import { describe, expect, it } from 'vitest';
import { permittedAddress, permittedUrl, plainUrl } from '../../src/federation/policy.ts';

const OPEN = { policy: 'public' } as const;
const LAN = { policy: 'lan' } as const;
const TEST = { policy: 'test' } as const;

describe('published URLs', () => {
  it('under the policy public are https on web or unprivileged ports', () => {
    expect(permittedUrl('https://one.example.org', OPEN)).toEqual({
      base: 'https://one.example.org',
      secure: true,
      host: 'one.example.org',
      port: 443,
    });
    expect(permittedUrl('https://one.example.org:8443/node', OPEN)).toMatchObject({ port: 8443 });
    expect(permittedUrl('http://one.example.org', OPEN)).toMatch(/http under/);
    for (const port of [22, 25, 53, 81, 444, 1023]) {
      expect(permittedUrl(`https://one.example.org:${port}`, OPEN)).toMatch(/port/);
    }
  });

  it.each([
    'https://127.0.0.1',
    'https://127.1:8443',
    'https://0x7f000001',
    'https://2130706433',
    'https://10.0.0.1',
    'https://192.168.1.1',
    'https://172.16.0.1',
    'https://169.254.169.254',
    'https://100.64.0.1',
    'https://0.0.0.0',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:a00:1]',
    'https://[fe80::1]',
    'https://[fd00:ec2::254]',
    'https://[64:ff9b::7f00:1]',
  ])('never reach %s under the policy public', (url) => {
    expect(permittedUrl(url, OPEN)).toBeTypeOf('string');
  });

  it('under lan and test may be http and private, under test loopback, never metadata', () => {
    expect(permittedUrl('http://192.168.1.5:5000', LAN)).toMatchObject({ secure: false });
    expect(permittedUrl('http://127.0.0.1:5000', LAN)).toMatch(/loopback/);
    expect(permittedUrl('http://127.0.0.1:5000', { ...LAN, onLoopback: true })).toMatchObject({
      port: 5000,
    });
    expect(permittedUrl('http://127.0.0.1:5000', TEST)).toMatchObject({ host: '127.0.0.1' });
    expect(permittedUrl('http://[::1]:5000', TEST)).toMatchObject({ host: '::1' });
    for (const rules of [LAN, TEST]) {
      expect(permittedUrl('http://169.254.169.254', rules)).toBeTypeOf('string');
      expect(permittedUrl('http://127.0.0.1:22', { ...rules, onLoopback: true })).toMatch(/port/);
    }
  });

  it.each([
    'ftp://one.example.org',
    'javascript:alert(1)',
    'https://u:p@one.example.org',
    'https://one.example.org/?q',
    'https://one.example.org/#f',
    'https://one.example.org/',
    'https://ONE.example.org',
    'https://one.example.org/../x',
    'https://exämple.org',
    ' https://one.example.org',
    `https://one.example.org/${'x'.repeat(200)}`,
    '',
  ])('are refused when not plain: %s', (url) => {
    expect(permittedUrl(url, TEST)).toMatch(/plain/);
  });
});

describe('names', () => {
  it('are connected to at the address that was checked, and only at a permitted one', () => {
    expect(permittedAddress(['9.9.9.9'], OPEN)).toEqual({ address: '9.9.9.9' });
    expect(permittedAddress(['127.0.0.1', '9.9.9.9'], OPEN)).toEqual({ address: '9.9.9.9' });
    expect(permittedAddress(['127.0.0.1'], OPEN)).toMatch(/loopback/);
    expect(permittedAddress(['::ffff:10.0.0.1'], OPEN)).toBeTypeOf('string');
    expect(permittedAddress([], OPEN)).toMatch(/no address/);
  });
});

describe('own URLs', () => {
  it('are brought into the form that records carry', () => {
    expect(plainUrl('https://One.Example.org:443/')).toBe('https://one.example.org');
    expect(plainUrl('http://127.0.0.1:5000')).toBe('http://127.0.0.1:5000');
    expect(plainUrl('https://one.example.org/node/')).toBe('https://one.example.org/node');
    expect(plainUrl('nonsense')).toBeUndefined();
    expect(plainUrl('ftp://one.example.org')).toBeUndefined();
  });
});
