import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeychain } from '../../src/cli/keychain.ts';

const ID = '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4';
const KEY = 'ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514';

describe('the keychain', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'colonies-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('keeps one private file per id, without a newline, in a private folder', () => {
    openKeychain(home).put(ID, KEY);
    const file = join(home, '.colonies', ID);
    expect(readFileSync(file, 'utf8')).toBe(KEY);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.colonies')).mode & 0o777).toBe(0o700);
    expect(openKeychain(home).find(ID)).toBe(KEY);
  });

  it('tightens the mode of a file that it replaces', () => {
    const keychain = openKeychain(home);
    keychain.put(ID, KEY);
    writeFileSync(join(home, '.colonies', 'loose'), KEY, { mode: 0o644 });
    keychain.put('loose', KEY);
    expect(statSync(join(home, '.colonies', 'loose')).mode & 0o777).toBe(0o600);
  });

  it('makes no folder when it is only read', () => {
    expect(openKeychain(home).find(ID)).toBeUndefined();
    expect(existsSync(join(home, '.colonies'))).toBe(false);
  });

  it('refuses a file in place of its folder', () => {
    writeFileSync(join(home, '.colonies'), '');
    expect(() => openKeychain(home).put(ID, KEY)).toThrow('exists but is not a directory');
  });

  it('accepts keys that an editor ended with a newline', () => {
    const keychain = openKeychain(home);
    keychain.put(ID, `${KEY}\n`);
    expect(keychain.find(ID)).toBe(KEY);
  });

  it.each(['../x', 'a/b', '..', '.', '', 'a\0b'])('never leaves its folder for the id %j', (id) => {
    expect(() => openKeychain(home).put(id, KEY)).toThrow('is not an id');
    expect(() => openKeychain(home).find(id)).toThrow('is not an id');
  });
});
