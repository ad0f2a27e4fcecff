// What the command line says about files, environments and keychains that are of no use: which
// thing, why, and what to do; never a stack trace. Refused before anything is sent.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { LIMITS } from '../../src/node/limits.ts';
import { runIn, type TestEnv, words } from './world.ts';

const KEY = '00000000000000000000000000000000000000000000000000000000000000a1';
const ID = '1'.repeat(64);

/** Nothing listens there: what gets as far as a call says so. */
const NOWHERE: TestEnv = { COLONIES_SERVER_HOST: '127.0.0.1', COLONIES_SERVER_PORT: '1' };
const MEMBER: TestEnv = { ...NOWHERE, COLONIES_PRVKEY: KEY, COLONIES_COLONY_NAME: 'dev' };
const OWNERS: TestEnv = {
  ...MEMBER,
  COLONIES_SERVER_PRVKEY: KEY,
  COLONIES_COLONY_PRVKEY: KEY,
};

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'colonies-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = async (line: string, env: TestEnv = OWNERS) => {
  const ran = await runIn(home, words(line), { env });
  expect(ran.out).toBe('');
  expect(ran.err).not.toMatch(/^\s+at /m);
  return ran;
};

/** Runs with a file of this content in place of `@`; the error and the advice after it. */
const withFile = async (line: string, content: string): Promise<string> => {
  const file = join(home, 'spec.json');
  writeFileSync(file, content);
  const { code, err } = await run(line.replace('@', file));
  expect(code).toBe(255);
  expect(err).not.toContain('cannot reach');
  const [error, advice] = [...err.matchAll(/msg="((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text);
  expect(advice).toMatch(/\.$/);
  return (error ?? '').replace(file, 'FILE');
};

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('a specification', () => {
  const SPECS = ['process submit --spec @', 'function submit --spec @', 'colony register --spec @'];

  it.each(SPECS)('that is broken is refused by %s', async (line) => {
    expect(await withFile(line, '{')).toMatch(/^FILE is not JSON: /);
    expect(await withFile(line, '')).toMatch(/^FILE is not JSON: /);
    expect(await withFile(line, '[1]')).toBe('FILE holds no JSON object');
  });

  it('that says no type of worker is refused: it would wait for ever', async () => {
    const missing = /^The specification says of no type of worker that it may run it: conditions/;
    for (const content of [
      '{"cmd": "ls"}',
      '{"cmd": "ls", "conditions": {"runtimetype": ""}}',
      '{"cmd": "ls", "conditions": {"executortype": "cli"}}',
    ]) {
      expect(await withFile('process submit --spec @', content)).toMatch(missing);
    }
    for (const line of ['process submit --spec @', 'function submit --spec @']) {
      const content = '{"funcname": "f", "conditions": {"runtimetype": "cli"}}';
      expect(await withFile(line, content)).toMatch(missing);
    }
    const { code, err } = await run('function exec --func f');
    expect([code, err.includes('give --targettype')]).toEqual([1, true]);
  });

  it.each(SPECS)('that is nested too deeply or too large is refused by %s', async (line) => {
    const deep = 'FILE is nested too deeply: more than 68 levels';
    expect(await withFile(line, nested(69))).toBe(deep);
    expect(await withFile(line, nested(200_000))).toBe(deep);
    const large = `FILE is larger than ${LIMITS.bodyBytesMax} bytes, the most that a server takes`;
    expect(await withFile(line, `"${'x'.repeat(LIMITS.bodyBytesMax)}"`)).toBe(large);
  });

  it('that has no end is refused', async () => {
    const { code, err } = await run('process submit --spec /dev/zero');
    expect(code).toBe(255);
    expect(err).toContain('/dev/zero is larger than');
  });

  it('whose conditions are something else is not taken for one without', async () => {
    const spec = JSON.stringify({ cmd: 'ls', funcname: 'f', conditions: 'cli' });
    expect(await withFile('process submit --spec @', spec)).toBe('conditions: expected an object');
    expect(await withFile('function submit --spec @', spec)).toBe('conditions: expected an object');
  });

  it('that says no name of what it describes is refused, whatever the case of its fields', async () => {
    const unnamed = 'The file does not say the name of the colony';
    expect(await withFile('colony register --spec @', '{}')).toBe(unnamed);
    expect(await withFile('colony register --spec @', '{"name":5}')).toBe(unnamed);
    expect(await withFile('runtime register --spec @', '{"name":"r"}')).toBe(
      'The file does not say the runtimetype of the runtime',
    );
    writeFileSync(join(home, 'spec.json'), '{"Name":"lab"}');
    const { err } = await run(`colony register --spec ${home}/spec.json`);
    expect(err).toContain('cannot reach');
  });
});

describe('an environment', () => {
  it('that says nothing is told what to set and where to get it, exit code 1', async () => {
    for (const line of ['process ps', 'worker start --name a --type b', 'user ls', 'colony ls']) {
      const { code, err } = await run(line, NOWHERE);
      expect(code).toBe(1);
      expect(err).toMatch(/COLONIES_\w+ not set \(in the words of 2022: COLONIES_\w+\)/);
      expect(err).toContain('`colonies dev` prints the variables');
    }
  });

  it.each([
    ['COLONIES_SERVER_PORT', 'abc', 'strconv.Atoi: parsing \\"abc\\": invalid syntax'],
    ['COLONIES_SERVER_PORT', '70000', 'invalid port 70000: use 0 to 65535'],
    ['COLONIES_SERVER_HOST', 'http://localhost', 'is no host name'],
    ['COLONIES_SERVER_HOST', 'localhost:50080', 'is no host name'],
    ['COLONIES_SERVER_HOST', 'a b', 'is no host name'],
    ['COLONIES_PRVKEY', 'abc', 'Failed to generate signature'],
  ])('whose %s is %s is told so', async (name, value, text) => {
    const { code, err } = await run('user ls', { ...MEMBER, [name]: value });
    expect(code).toBe(255);
    expect(err).toContain(text);
    expect(err.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('a keychain', () => {
  const env: TestEnv = { ...NOWHERE, COLONIES_COLONYID: ID, COLONIES_RUNTIMEID: ID };

  it('that is a file is told so by commands that read and that write', async () => {
    writeFileSync(join(home, '.colonies'), '');
    for (const line of ['process ps', 'keychain generate']) {
      const { code, err } = await run(line, env);
      expect(code).toBe(255);
      expect(err).toContain(`${home}/.colonies exists but is not a directory`);
    }
  });

  it('with a folder in place of a key names it', async () => {
    mkdirSync(join(home, '.colonies', ID), { recursive: true });
    const { code, err } = await run('process ps', env);
    expect(code).toBe(255);
    expect(err).toContain(`open ${home}/.colonies/${ID}: is a directory`);
    expect(err).toContain('mode 0600');
  });

  it('without the key says how to add it', async () => {
    const { code, err } = await run('process ps', env);
    expect(code).toBe(255);
    expect(err).toContain(`open ${home}/.colonies/${ID}: no such file or directory`);
    expect(err).toContain('colonies keychain add');
  });

  it('that cannot be made is told at once', async () => {
    const { code, err } = await runIn('/proc/colonies', ['keychain', 'generate']);
    expect(code).toBe(255);
    expect(err).toContain('Cannot make the folder /proc/colonies/.colonies');
  });
});

test('a data folder that cannot be made or opened ends the server at once, with advice', async () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  mkdirSync(join(home, 'odd', 'store', 'LOCK'), { recursive: true });
  const folders = [
    ['/proc/colonies', 'Cannot make the folder /proc/colonies'],
    [file, 'there is a file of that name'],
    [join(file, 'below'), 'is not a folder'],
    [join(home, 'odd'), 'cannot be opened'],
  ] as const;
  for (const [folder, text] of folders) {
    for (const line of ['dev --port 0', 'server start --port 0 --insecure']) {
      const { code, err } = await runIn(home, [...words(line), '--data-dir', folder]);
      expect(code).toBe(255);
      expect(err).toContain(text);
      expect(err).toContain('Choose a folder that this user can write to with --data-dir.');
    }
  }
});
