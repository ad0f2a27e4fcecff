// What bootstraps are, and what they allow a client to connect to.

import { describe, expect, test } from 'vitest';
import {
  forbiddenUrl,
  reachOf,
  readBootstrap,
  readBootstraps,
} from '../../src/attach/bootstraps.ts';

const PEER = '16Uiu2HAmHky9WbLyUkEPhBRoAFJLh89CyeYPARCThU21qvByPTq7';

test('a bootstrap is the URL of a node or a multiaddress', () => {
  expect(readBootstrap(' https://Node.Example.org/ ')).toEqual({
    base: 'https://node.example.org',
    kind: 'url',
    host: 'node.example.org',
  });
  expect(readBootstrap('http://[::1]:50080')).toMatchObject({ host: '::1' });
  expect(readBootstrap('https://example.org/colonies/')).toMatchObject({
    base: 'https://example.org/colonies',
  });
  for (const base of [
    '/ip4/127.0.0.1/tcp/4001',
    `/dns4/node.example.org/tcp/4001/p2p/${PEER}`,
    `/ip6/::1/tcp/4001/p2p/${PEER}`,
  ]) {
    expect(readBootstrap(base)).toMatchObject({ base, kind: 'address' });
  }
});

test.each([
  'node.example.org:4001',
  'ftp://node.example.org',
  'https://user@node.example.org',
  'https://node.example.org/?a=1',
  '/ip4/127.0.0.1/udp/4001',
  '/unix/tmp/socket',
  '',
])('%s is none', (text) => {
  expect(() => readBootstrap(text)).toThrow(/^not a bootstrap: .*expected the URL of a node/);
});

test('lists may be separated by commas and spaces, and name each node once', () => {
  const texts = ['https://a.test, https://b.test/', '', 'https://a.test'];
  expect(readBootstraps(texts).map(({ base }) => base)).toEqual([
    'https://a.test',
    'https://b.test',
  ]);
  const many = Array.from({ length: 40 }, (_, i) => `https://n${i}.test`);
  expect(readBootstraps(many)).toHaveLength(16);
});

const reach = (...texts: string[]) => reachOf(readBootstraps(texts));

describe('what a client may connect to', () => {
  const cases = [
    'https://one.example.org',
    'http://one.example.org',
    'http://127.0.0.1:50080',
    'https://localhost:50080',
    'https://192.168.1.5',
    'https://[fd00::1]',
    'https://0.0.0.0',
    'https://224.0.0.1',
    'https://[::ffff:127.0.0.1]',
  ];
  const allowed = (from: string): string[] =>
    cases.filter((url) => forbiddenUrl(url, reach(from)) === undefined);

  test('an https bootstrap allows https on the open internet and nothing else', () => {
    expect(allowed('https://node.example.org')).toEqual(['https://one.example.org']);
    expect(allowed(`/dns4/node.example.org/tcp/4001/p2p/${PEER}`)).toEqual([
      'https://one.example.org',
    ]);
  });

  test.each([
    'http://node.example.org',
    'http://10.0.0.1:50080',
    'https://localhost',
    '/ip4/127.0.0.1/tcp/1',
  ])('%s allows plain HTTP and near addresses', (from) => {
    expect(allowed(from)).toEqual(cases.slice(0, 6));
  });

  test('a bootstrap in a private network allows that network', () => {
    expect(allowed('/ip4/192.168.1.2/tcp/4001')).toEqual([
      'https://one.example.org',
      'http://one.example.org',
      'https://192.168.1.5',
      'https://[fd00::1]',
    ]);
    expect(allowed('https://10.1.2.3')).toEqual([
      'https://one.example.org',
      'https://192.168.1.5',
      'https://[fd00::1]',
    ]);
  });

  test.each([
    'http://169.254.169.254',
    'http://100.100.100.200',
    'http://[fd00:ec2::254]',
    'http://[::ffff:169.254.169.254]',
    'http://[::a9fe:a9fe]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://[2002:a9fe:a9fe::1]',
    'http://127.0.0.1:25',
    'https://one.example.org:22',
  ])('no bootstrap at all allows %s', (url) => {
    expect(forbiddenUrl(url, reach('http://127.0.0.1:50080'))).toMatch(/address of a host|port/);
  });

  test('the reason says what is wrong', () => {
    const strict = reach('https://node.example.org');
    expect(forbiddenUrl('http://a.test', strict)).toMatch(/not https/);
    expect(forbiddenUrl('https://127.0.0.1', strict)).toBe('an address of this machine');
    expect(forbiddenUrl('https://10.0.0.1', strict)).toBe('an address of a private network');
    expect(forbiddenUrl('nonsense', strict)).toBe('not a URL');
  });
});
