import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { baseUrl, serverAddress } from '../../src/cli/address.ts';
import { type Env, readEnv } from '../../src/cli/env.ts';
import {
  colonyOwnerKey,
  colonyRef,
  type IdentityFlags,
  idOf,
  memberKey,
  serverOwnerKey,
} from '../../src/cli/identity.ts';
import { type Keychain, openKeychain } from '../../src/cli/keychain.ts';
import { vocabularyOf } from '../../src/cli/vocabulary.ts';
import { makeLog } from '../../src/node/log.ts';

const KEY_A = '0000000000000000000000000000000000000000000000000000000000000001';
const KEY_B = '0000000000000000000000000000000000000000000000000000000000000002';
const KEY_C = '0000000000000000000000000000000000000000000000000000000000000003';

describe('the environment', () => {
  it('counts empty values as unset and knows nothing else', () => {
    const env = readEnv({ COLONIES_TLS: '', COLONIES_COLONYID: 'x', PATH: '/bin' });
    expect(env).toEqual({ COLONIES_COLONYID: 'x' });
  });
});

describe('the address of the server', () => {
  const warnings: string[] = [];
  const at = (
    env: Env,
    flags: { host?: string; port?: number } = {},
    insecure: boolean | undefined = undefined,
  ) => {
    const globals = { insecure, skipTlsVerify: undefined, verbose: undefined, json: false };
    const log = makeLog('warn', (_level, message) => warnings.push(message));
    return serverAddress({ env, globals, log }, flags);
  };
  beforeEach(() => {
    warnings.length = 0;
  });

  it('is https://localhost:50080 when nothing says otherwise', () => {
    expect(at({})).toEqual({ host: 'localhost', port: 50080, tls: true, verify: true });
  });

  it('takes the host of the environment before --host, and says so', () => {
    expect(at({ COLONIES_SERVER_HOST: 'env' }, { host: 'flag' }).host).toBe('env');
    expect(warnings).toEqual(['--host flag is overridden by COLONIES_SERVER_HOST=env']);
    expect(at({}, { host: 'flag' }).host).toBe('flag');
  });

  it('takes --port before the environment', () => {
    const env = { COLONIES_SERVER_PORT: '1', COLONIES_SERVER_HTTP_PORT: '2' };
    expect(at(env, { port: 3 }).port).toBe(3);
    expect(at(env).port).toBe(2);
    expect(at({ COLONIES_SERVER_PORT: '1' }).port).toBe(1);
  });

  it('refuses a port that is no number with the documented text', () => {
    expect(() => at({ COLONIES_SERVER_PORT: 'abc' })).toThrow(
      'strconv.Atoi: parsing "abc": invalid syntax',
    );
    expect(() => at({}, { port: 70_000 })).toThrow('use 0 to 65535');
  });

  it.each([
    [{ COLONIES_TLS: 'true' }, true, true],
    [{ COLONIES_TLS: 'false' }, undefined, false],
    [{ COLONIES_TLS: 'maybe' }, undefined, true],
    [{ COLONIES_SERVER_TLS: 'false' }, undefined, false],
    [{ COLONIES_SERVER_PROTOCOL: 'http' }, undefined, false],
    [{ COLONIES_SERVER_PROTOCOL: 'http' }, false, true],
    [{ COLONIES_SERVER_PROTOCOL: 'https' }, true, false],
    [{}, true, false],
  ])('with %j and --insecure %s uses TLS: %s', (env, insecure, tls) => {
    expect(at(env, {}, insecure).tls).toBe(tls);
  });

  it('is written with brackets for IPv6', () => {
    expect(baseUrl(at({}, { host: '::1' }, true))).toBe('http://[::1]:50080');
  });
});

describe('the vocabulary', () => {
  it.each([
    [{}, {}, 'executor'],
    [{ COLONIES_RUNTIMEID: 'x' }, {}, 'runtime'],
    [{ COLONIES_PRVKEY: 'x', COLONIES_COLONY_NAME: 'dev' }, {}, 'executor'],
    [{ COLONIES_PRVKEY: 'x', COLONIES_COLONYID: 'y' }, {}, 'runtime'],
    [{ COLONIES_RUNTIMEID: 'x' }, { prvkey: 'k' }, 'executor'],
    [{ COLONIES_PRVKEY: 'x' }, { runtimeid: 'r' }, 'runtime'],
    [{ COLONIES_PRVKEY: 'x' }, { runtimeid: 'r', prvkey: 'k' }, 'executor'],
  ])('of %j with %j is that of a %s', (env, flags, vocabulary) => {
    expect(vocabularyOf(env, flags)).toBe(vocabulary);
  });
});

describe('keys', () => {
  let home: string;
  let keychain: Keychain;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'colonies-'));
    keychain = openKeychain(home);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const memberWith = (env: Env, flags: IdentityFlags = {}) => memberKey({ env, keychain }, flags);

  it('of a member come from a flag first', async () => {
    const env = { COLONIES_PRVKEY: KEY_A };
    expect(await memberWith(env, { prvkey: KEY_B })).toBe(KEY_B);
    expect(await memberWith(env, { runtimeprvkey: KEY_C })).toBe(KEY_C);
  });

  it('of a runtime come from the variable when it belongs to the id, else from the keychain', async () => {
    const id = await idOf(KEY_A);
    keychain.put(id, KEY_A);
    const env = { COLONIES_RUNTIMEID: id };
    expect(await memberWith(env)).toBe(KEY_A);
    expect(await memberWith({ ...env, COLONIES_RUNTIMEPRVKEY: KEY_B })).toBe(KEY_A);
    const other = await idOf(KEY_C);
    expect(await memberWith({ ...env, COLONIES_RUNTIMEPRVKEY: KEY_C }, { runtimeid: other })).toBe(
      KEY_C,
    );
  });

  it('of a member serve both vocabularies', async () => {
    expect(await memberWith({ COLONIES_PRVKEY: KEY_A })).toBe(KEY_A);
    expect(await memberWith({ COLONIES_RUNTIMEPRVKEY: KEY_B })).toBe(KEY_B);
    const id = await idOf(KEY_B);
    keychain.put(id, KEY_B);
    const both = { COLONIES_RUNTIMEID: id, COLONIES_PRVKEY: KEY_A };
    expect(await memberWith(both)).toBe(KEY_B);
    expect(await memberWith({ COLONIES_PRVKEY: KEY_A, COLONIES_COLONY_NAME: 'dev' })).toBe(KEY_A);
  });

  it('that are missing are told in the words in use', async () => {
    await expect(memberWith({})).rejects.toThrow('COLONIES_PRVKEY not set');
    await expect(memberWith({ COLONIES_COLONYID: 'x' })).rejects.toThrow('Unknown Runtime Id');
    const id = await idOf(KEY_A);
    await expect(memberWith({ COLONIES_RUNTIMEID: id })).rejects.toThrow(
      `open ${join(home, '.colonies', id)}: no such file or directory`,
    );
  });

  it('of the server owner come from a flag, the variable, or the keychain by id', async () => {
    const id = await idOf(KEY_A);
    const ask = (env: Env, flags: IdentityFlags = {}) => serverOwnerKey({ env, keychain }, flags);
    expect(await ask({ COLONIES_SERVER_PRVKEY: KEY_B }, { serverprvkey: KEY_C })).toBe(KEY_C);
    expect(await ask({ COLONIES_SERVER_PRVKEY: KEY_B })).toBe(KEY_B);
    expect(await ask({ COLONIES_SERVERID: id, COLONIES_SERVERPRVKEY: KEY_A })).toBe(KEY_A);
    keychain.put(id, KEY_A);
    expect(await ask({ COLONIES_SERVER_PRVKEY: KEY_B }, { serverid: id })).toBe(KEY_A);
    await expect(ask({})).rejects.toThrow('COLONIES_SERVER_PRVKEY not set');
    await expect(ask({ COLONIES_RUNTIMEID: 'x' })).rejects.toThrow('Unknown Server Id');
  });

  it('of a colony owner come from a flag, the variable that belongs to it, or the keychain', async () => {
    const id = await idOf(KEY_A);
    const ask = (env: Env, colony: string) => colonyOwnerKey({ env, keychain }, {}, colony);
    expect(await ask({ COLONIES_COLONY_PRVKEY: KEY_B }, 'dev')).toBe(KEY_B);
    expect(await ask({ COLONIES_COLONYPRVKEY: KEY_A }, id)).toBe(KEY_A);
    await expect(ask({ COLONIES_COLONYPRVKEY: KEY_B }, id)).rejects.toThrow(
      'no such file or directory',
    );
    keychain.put(id, KEY_A);
    expect(await ask({ COLONIES_COLONYPRVKEY: KEY_B }, id)).toBe(KEY_A);
    await expect(ask({}, 'dev')).rejects.toThrow('COLONIES_COLONY_PRVKEY not set');
  });
});

describe('the colony', () => {
  it('is a flag, the variable of the vocabulary in use, or the other one', () => {
    const env = { COLONIES_COLONY_NAME: 'dev', COLONIES_COLONYID: 'id' };
    expect(colonyRef({ env }, { colonyid: 'flag' })).toBe('flag');
    expect(colonyRef({ env }, {})).toBe('id');
    expect(colonyRef({ env }, { prvkey: 'k' })).toBe('dev');
    expect(colonyRef({ env: { COLONIES_COLONY_NAME: 'dev' } }, { runtimeid: 'r' })).toBe('dev');
  });

  it('that nobody names is told in the words in use', () => {
    expect(() => colonyRef({ env: {} }, {})).toThrow('COLONIES_COLONY_NAME not set');
    expect(() => colonyRef({ env: { COLONIES_RUNTIMEID: 'r' } }, {})).toThrow('Unknown Colony Id');
  });
});
