// The three engines agree byte for byte, on good, odd and malformed input alike.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesToHex, hexToBytes } from '../../../src/node/crypto/bytes.ts';
import { type Engine, strict } from '../../../src/node/crypto/engine.ts';
import { pureEngine } from '../../../src/node/crypto/engine-pure.ts';
import { chooseEngine, loadEngine, selfTest } from '../../../src/node/crypto/engines.ts';
import { publicKeyHex } from '../../../src/node/crypto/keys.ts';
import { KNOWN_RECOVERIES } from '../../../src/node/crypto/known-answers.ts';
import { makeSigner, sign } from '../../../src/node/crypto/sign.ts';
import { recoverDigest, recoverId } from '../../../src/node/crypto/signature.ts';
import { verifyDigest } from '../../../src/node/crypto/verify.ts';
import { Fault } from '../../../src/node/errors.ts';
import { makeLog } from '../../../src/node/log.ts';
import { altered, anyKey, anyScalar, ENGINES_HERE, hex32, highTwin, KEY, N } from './samples.ts';

let engines: Engine[] = [];

beforeAll(async () => {
  engines = await Promise.all(ENGINES_HERE.map(loadEngine));
});

// What each engine makes of the same question, written out so that it can be compared.
const outcomes = (ask: (engine: Engine) => unknown): string[] =>
  engines.map((engine) => {
    try {
      return JSON.stringify(ask(engine));
    } catch (error) {
      if (error instanceof Fault) return `${error.code} ${error.message} ${error.detail['reason']}`;
      throw error;
    }
  });

const agree = (ask: (engine: Engine) => unknown): string => {
  const [first = '', ...others] = outcomes(ask);
  for (const other of others) expect(other).toBe(first);
  return first;
};

const hexOrNothing = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? 'no key' : bytesToHex(bytes);

describe('recovery', () => {
  it('gives the same key, or none, for any numbers', () => {
    const anyV = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(anyScalar, anyScalar, anyScalar, anyV, (digest, r, s, v) => {
        const [bytes, rs] = [hexToBytes(hex32(digest)), hexToBytes(hex32(r) + hex32(s))];
        agree((engine) => hexOrNothing(engine.recover(bytes, rs, v)));
        agree((engine) => recoverDigest(engine, bytes, { rs, v }));
      }),
      { numRuns: 250 },
    );
  });

  it('gives the same id or the same refusal for any signature text', () => {
    const anyByte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.string(), anyScalar, anyScalar, anyByte, (text, r, s, v) => {
        agree((engine) => recoverId(text, altered('', { r, s, v }), engine));
      }),
      { numRuns: 250 },
    );
  });

  it('agrees on real signatures, their twins and their flips', () => {
    fc.assert(
      fc.property(anyKey, fc.string(), anyScalar, (key, text, other) => {
        const good = sign(text, key);
        const v = Number.parseInt(good.slice(128), 16);
        const id = agree((engine) => recoverId(text, good, engine));
        expect(agree((engine) => recoverId(text, altered(good, { v: v | 4 }), engine))).toBe(id);
        expect(agree((engine) => recoverId(text, altered(good, { v: v ^ 1 }), engine))).not.toBe(
          id,
        );
        expect(agree((engine) => recoverId(text, highTwin(good), engine))).toContain('high-s');
        agree((engine) => recoverId(text, altered(good, { r: other }), engine));
        agree((engine) => recoverId(text, altered(good, { s: other }), engine));
      }),
      { numRuns: 40 },
    );
  });

  it('agrees that a key at infinity is no key', () => {
    const { Fn, BASE } = secp256k1.Point;
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: N - 1n }), anyScalar, (k, digest) => {
        const point = BASE.multiply(k).toAffine();
        const s = Fn.mul(Fn.create(digest), Fn.inv(k));
        fc.pre(s !== 0n && point.x < N);
        const rs = hexToBytes(hex32(point.x) + hex32(s));
        const v = Number(point.y & 1n);
        const bytes = hexToBytes(hex32(digest));
        expect(agree((engine) => hexOrNothing(engine.recover(bytes, rs, v)))).toBe('"no key"');
        expect(agree((engine) => recoverDigest(engine, bytes, { rs, v }))).toContain('infinity');
      }),
      { numRuns: 30 },
    );
  });
});

describe('signing and verification', () => {
  it('every engine makes the same signature, and every engine accepts it', () => {
    fc.assert(
      fc.property(anyKey, fc.string(), (key, text) => {
        const signature = JSON.parse(agree((engine) => makeSigner(key, engine)(text)));
        expect(signature).toMatch(/^[0-9a-f]{128}0[0-3]$/);
        expect(signature).toBe(sign(text, key));
      }),
      { numRuns: 60 },
    );
  });

  it('the same verdict for any numbers and any key', () => {
    const good = hexToBytes(publicKeyHex(KEY));
    const squeezed = secp256k1.Point.fromBytes(good).toBytes(true);
    const offCurve = good.map((byte, i) => (i === 64 ? byte ^ 1 : byte));
    const anyPublicKey = fc.constantFrom(good, squeezed, offCurve);
    fc.assert(
      fc.property(anyScalar, anyScalar, anyScalar, anyPublicKey, (digest, r, s, key) => {
        const bytes = hexToBytes(hex32(digest));
        agree((engine) => engine.verify(bytes, hexToBytes(hex32(r) + hex32(s)), key));
        const { rs } = pureEngine.sign(bytes, hexToBytes(KEY));
        const verdict = agree((engine) => engine.verify(bytes, rs, key));
        expect(verdict).toBe(String(key !== offCurve));
        const twin = hexToBytes(highTwin(`${bytesToHex(rs)}00`)).subarray(0, 64);
        expect(agree((engine) => engine.verify(bytes, twin, key))).toBe('false');
      }),
      { numRuns: 60 },
    );
  });

  it('records with a wrong length, a high s or a key in another form do not verify', () => {
    const digest = hexToBytes(hex32(77n));
    const key = hexToBytes(publicKeyHex(KEY));
    const { rs } = pureEngine.sign(digest, hexToBytes(KEY));
    const squeezed = secp256k1.Point.fromBytes(key).toBytes(true);
    const hybrid = key.map((byte, i) => (i === 0 ? 6 + ((key[64] ?? 0) & 1) : byte));
    for (const engine of engines) {
      expect(verifyDigest(digest, rs, key, engine)).toBe(true);
      expect(verifyDigest(digest, rs.subarray(0, 63), key, engine)).toBe(false);
      expect(verifyDigest(digest, rs, squeezed, engine)).toBe(false);
      expect(verifyDigest(digest, rs, hybrid, engine)).toBe(false);
      expect(verifyDigest(digest, rs, key.subarray(0, 64), engine)).toBe(false);
      const twin = hexToBytes(highTwin(`${bytesToHex(rs)}00`)).subarray(0, 64);
      expect(verifyDigest(digest, twin, key, engine)).toBe(false);
    }
  });
});

describe('the guard in front of every engine', () => {
  const digest = new Uint8Array(32).fill(7);
  const rs = new Uint8Array(64).fill(9);

  it('refuses wrong lengths', () => {
    for (const engine of engines) {
      for (const length of [0, 16, 31, 33]) {
        expect(() => engine.recover(new Uint8Array(length), rs, 0)).toThrow(RangeError);
        expect(() => engine.sign(new Uint8Array(length), digest)).toThrow(RangeError);
        expect(() => engine.sign(digest, new Uint8Array(length))).toThrow(RangeError);
        expect(() => engine.verify(digest, rs, new Uint8Array(length))).toThrow(RangeError);
      }
      for (const length of [0, 63, 65]) {
        expect(() => engine.recover(digest, new Uint8Array(length), 0)).toThrow(RangeError);
        expect(() => engine.verify(digest, new Uint8Array(length), rs)).toThrow(RangeError);
      }
    }
  });

  it('refuses a recovery id that is not 0, 1, 2 or 3', () => {
    const wrong = [-1, 4, 27, 255, 1.5, Number.NaN, 2 ** 32, undefined, '1', null];
    for (const engine of engines) {
      for (const v of wrong) {
        expect(() => engine.recover(digest, rs, v as number)).toThrow(RangeError);
      }
    }
  });

  it('refuses what is not bytes, and public keys in hybrid form', () => {
    const key = hexToBytes(publicKeyHex(KEY));
    key[0] = 6;
    for (const engine of engines) {
      expect(() => engine.recover('x'.repeat(32) as never, rs, 0)).toThrow(TypeError);
      expect(() => engine.verify(digest, rs, [...key] as never)).toThrow(TypeError);
      expect(() => engine.verify(digest, rs, key)).toThrow(RangeError);
    }
  });
});

describe('the choice of an engine', () => {
  const lines: string[] = [];
  const log = makeLog('debug', (level, message, fields) => {
    lines.push(`${level} ${message} ${fields['engine']} ${fields['why']}`);
  });

  it('takes the first that works here, the native one before the others', async () => {
    expect((await chooseEngine()).name).toBe(ENGINES_HERE[0]);
  });

  it.each(ENGINES_HERE)('takes the %s one when it is wanted', async (want) => {
    expect((await chooseEngine({ want })).name).toBe(want);
  });

  it('every engine passes the self-test, which covers more than twenty answers', () => {
    for (const engine of engines) expect(selfTest(engine)).toBeUndefined();
    expect(KNOWN_RECOVERIES.length).toBeGreaterThan(20);
  });

  it('steps down from one that cannot be loaded, and says why', async () => {
    lines.length = 0;
    const load = async (name: Engine['name']): Promise<Engine> => {
      if (name === 'native') throw new Error('no binary for this platform');
      return loadEngine(name);
    };
    expect((await chooseEngine({ load, log })).name).toBe('wasm');
    expect(lines).toEqual(['warn signature engine not usable native no binary for this platform']);
  });

  it('steps down from one that gives a single wrong answer, to the pure one at last', async () => {
    const lies: Record<string, Partial<Engine>> = {
      native: { recover: (digest, rs, v) => pureEngine.recover(digest, rs, v & 1) },
      wasm: { verify: () => true },
    };
    const load = async (name: Engine['name']): Promise<Engine> =>
      strict({ ...pureEngine, name, ...lies[name] });
    lines.length = 0;
    expect((await chooseEngine({ load, log })).name).toBe('pure');
    expect(lines[0]).toContain('recover: R wrapped around the order, even');
    expect(lines[1]).toContain('verify: another s');
  });

  it('refuses to start with a wanted engine that does not work', async () => {
    const load = async (): Promise<Engine> =>
      strict({ ...pureEngine, sign: (digest) => pureEngine.sign(digest, digest) });
    await expect(chooseEngine({ want: 'native', load })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^the native signature engine cannot be used: .*sign/),
    });
  });
});
