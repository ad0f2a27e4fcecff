// How the settings of a node come together.

import { expect, test } from 'vitest';
import { readConfig, SETTINGS } from '../../../src/node/config.ts';

test('without any source every setting has its default', () => {
  const config = readConfig();
  expect(config.http).toEqual({
    host: '',
    port: 50_080,
    tls: true,
    tlscert: '',
    tlskey: '',
  });
  expect(config.executors.staleAfterS).toBe(600);
  expect(config.retention.enabled).toBe(false);
});

test('flags go before the environment, the environment before the file, the file before defaults', () => {
  const file = { http: { port: 1, host: '10.0.0.1', tlscert: 'file.pem' } };
  const env = { COLONIES_SERVER_PORT: '2', COLONIES_TLSCERT: 'env.pem' };
  const { http } = readConfig({ file, env, flags: { 'http.port': 3 } });
  expect(http).toMatchObject({ port: 3, host: '10.0.0.1', tlscert: 'env.pem', tlskey: '' });
});

test('both generations of variables are read, and the more exact one goes first', () => {
  expect(readConfig({ env: { COLONIES_SERVERID: 'a'.repeat(64) } }).server.id).toBe('a'.repeat(64));
  expect(readConfig({ env: { COLONIES_SERVER_ID: 'b'.repeat(64) } }).server.id).toBe(
    'b'.repeat(64),
  );
  const both = { COLONIES_SERVER_PORT: '1', COLONIES_SERVER_HTTP_PORT: '2' };
  expect(readConfig({ env: both }).http.port).toBe(2);
  expect(readConfig({ env: { COLONIES_STALE_EXECUTOR_DURATION: '5' } }).executors.staleAfterS).toBe(
    5,
  );
});

test('empty variables count as unset', () => {
  expect(readConfig({ env: { COLONIES_SERVER_PORT: '', COLONIES_TLS: '' } }).http.port).toBe(
    50_080,
  );
});

test('booleans are read in the usual spellings', () => {
  const tls = (text: string) => readConfig({ env: { COLONIES_TLS: text } }).http.tls;
  expect([tls('true'), tls('1'), tls('false'), tls('0'), tls('FALSE')]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('an unknown name in the file is refused by name', () => {
  expect(() => readConfig({ file: { http: { prot: 1 } } })).toThrow(/http.*prot/);
  expect(() => readConfig({ file: { htpt: {} } })).toThrow(/htpt/);
});

test('a wrong value is refused with the place it came from', () => {
  expect(() => readConfig({ env: { COLONIES_SERVER_PORT: 'abc' } })).toThrow(
    /http\.port \(from COLONIES_SERVER_PORT\)/,
  );
  expect(() => readConfig({ flags: { 'http.port': 70_000 } })).toThrow(
    /http\.port \(from --port\)/,
  );
  expect(() => readConfig({ file: { http: { port: '1' } } })).toThrow(/http\.port:/);
  expect(() => readConfig({ env: { COLONIES_TLS: 'maybe' } })).toThrow(/from COLONIES_TLS/);
  expect(() => readConfig({ env: { COLONIES_SERVERID: 'X' } })).toThrow(/64 lower-case hex digits/);
});

test('a file that is no object, or has a scalar for a section, is refused', () => {
  expect(() => readConfig({ file: [] })).toThrow(/one JSON object/);
  expect(() => readConfig({ file: { http: 1 }, flags: { 'http.port': 2 } })).toThrow(/http:/);
});

test('the given file is not changed', () => {
  const file = Object.freeze({ http: Object.freeze({ port: 1 }) });
  expect(readConfig({ file, flags: { 'http.port': 2 } }).http.port).toBe(2);
});

test('retention without a time to keep is refused', () => {
  expect(() => readConfig({ env: { COLONIES_RETENTION: 'true' } })).toThrow(/retention\.keepS/);
  const env = { COLONIES_RETENTION: 'true', COLONIES_RETENTION_POLICY: '3600' };
  expect(readConfig({ env }).retention).toEqual({ enabled: true, keepS: 3600 });
});

test('every setting is described, has a variable, and no flag or variable is used twice', () => {
  for (const setting of SETTINGS) {
    expect(setting.description, setting.path).not.toBe('');
    expect(setting.env.length, setting.path).toBeGreaterThan(0);
  }
  const names = SETTINGS.flatMap((s) => [...s.env, ...(s.flag === undefined ? [] : [s.flag])]);
  expect(new Set(names).size).toBe(names.length);
});

test('places in the overlay are addresses or URLs, and the refusal says where they came from', () => {
  const wrong =
    (path: string, ...values: string[]) =>
    () =>
      readConfig({ flags: { [path]: values } });
  expect(wrong('overlay.listen', 'bogus')).toThrow(
    'overlay.listen.0 (from --listen): expected a multiaddress',
  );
  expect(wrong('overlay.listen', 'http://127.0.0.1')).toThrow('expected a multiaddress');
  for (const name of ['bootstrap', 'announce']) {
    for (const text of ['bogus', 'ftp://host', 'https://', 'host:4001', '']) {
      expect(wrong(`overlay.${name}`, '/ip4/127.0.0.1/tcp/1', text)).toThrow(
        `overlay.${name}.1 (from --${name}): expected a multiaddress or an http(s) URL`,
      );
    }
  }
  const bootstrap = ['https://one.example:50080/path', 'http://[::1]:1', '/dns4/two.example/tcp/1'];
  expect(readConfig({ flags: { 'overlay.bootstrap': bootstrap } }).overlay.bootstrap).toEqual(
    bootstrap,
  );
});

test('plain http is announced under the policies of near networks only', () => {
  const announcing = (policy: string) =>
    readConfig({
      flags: { 'overlay.announce': ['http://one.example'], 'overlay.addressPolicy': policy },
    });
  expect(() => announcing('public')).toThrow(
    /overlay\.announce\.0 \(from --announce\): .*https URLs only/,
  );
  expect(announcing('lan').overlay.announce).toEqual(['http://one.example']);
});
