// Signing, hashing and ids also run where there is no Node: same results without Buffer and without
// Node's crypto, and no import on that path leads to a Node module or a server-side package.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as bytesHere from '../../../src/node/crypto/bytes.ts';
import * as hashHere from '../../../src/node/crypto/hash.ts';
import * as signHere from '../../../src/node/crypto/sign.ts';
import { KEY } from './samples.ts';

let bytes: typeof bytesHere;
let hash: typeof hashHere;
let sign: typeof signHere;

const TEXTS = ['', 'hello', 'åäö 漢字 🐝', '\ud800', 'x'.repeat(20_000)];

beforeAll(async () => {
  vi.resetModules();
  const { getBuiltinModule } = process;
  vi.stubGlobal('Buffer', undefined);
  Object.assign(process, { getBuiltinModule: undefined });
  try {
    bytes = await import('../../../src/node/crypto/bytes.ts');
    hash = await import('../../../src/node/crypto/hash.ts');
    sign = await import('../../../src/node/crypto/sign.ts');
  } finally {
    Object.assign(process, { getBuiltinModule });
    vi.unstubAllGlobals();
  }
});

afterAll(() => vi.resetModules());

describe('without Node', () => {
  it('hashes and signatures are the same', () => {
    expect(hash.sha3).not.toBe(hashHere.sha3);
    for (const text of TEXTS) {
      expect(hash.sha3Hex(text)).toBe(hashHere.sha3Hex(text));
      expect(hash.sha3(text)).toEqual(hashHere.sha3(text));
      expect(sign.sign(text, KEY)).toBe(signHere.sign(text, KEY));
    }
  });

  it('base64 is the same', () => {
    for (const text of [...TEXTS, '\ufeffmark']) {
      const coded = bytes.textToBase64(text);
      expect(coded).toBe(bytesHere.textToBase64(text));
      expect(bytes.base64ToText(coded)).toBe(bytesHere.base64ToText(coded));
      expect(bytes.base64ToBytes(`${coded}?`)).toEqual(bytesHere.base64ToBytes(`${coded}?`));
    }
  });
});

describe('a Node that was built without SHA-3', () => {
  it('falls back to the reference', async () => {
    vi.resetModules();
    const { getBuiltinModule } = process;
    const hashOrThrow = (): string => {
      throw new Error('Digest method not supported');
    };
    for (const fake of [{ hash: hashOrThrow }, { hash: () => 'another hash' }, {}]) {
      Object.assign(process, { getBuiltinModule: () => fake });
      try {
        hash = await import('../../../src/node/crypto/hash.ts');
      } finally {
        Object.assign(process, { getBuiltinModule });
      }
      expect(hash.sha3Hex('hello')).toBe(hashHere.sha3Hex('hello'));
      vi.resetModules();
    }
  });
});

// Every module that is loaded at once with `file`: its static imports, followed.
const loadedWith = (file: URL, seen = new Set<string>()): Set<string> => {
  const source = readFileSync(file, 'utf8');
  for (const [, types, name = ''] of source.matchAll(/^import (type )?[^;]*?'([^']+)';/gms)) {
    if (types !== undefined) continue;
    const next = name.startsWith('.') ? new URL(name, file) : undefined;
    const key = next?.href ?? name;
    if (seen.has(key)) continue;
    seen.add(key);
    if (next !== undefined) loadedWith(next, seen);
  }
  return seen;
};

describe('the modules that the SDK loads', () => {
  it.each(['sign', 'keys', 'ids', 'hash', 'bytes', 'verify', 'signature'])(
    '%s.ts leads to @noble and to nothing else outside',
    (name) => {
      const file = new URL(`../../../src/node/crypto/${name}.ts`, import.meta.url);
      const outside = [...loadedWith(file)].filter((each) => !each.startsWith('file:'));
      for (const each of outside) expect(each).toMatch(/^@noble\//);
      expect([...loadedWith(file)].join()).not.toMatch(/engine-native|engine-wasm|pool|clock/);
    },
  );
});
