// Numbers, keys and generators that the crypto tests share.

import fc from 'fast-check';
import { ENGINES, type EngineName } from '../../../src/node/crypto/engine.ts';

const PREBUILT = ['linux-x64', 'darwin-arm64', 'win32-x64'];

/** The engines that must work on this machine: the native one where its package brings a binary. */
export const ENGINES_HERE: readonly EngineName[] = ENGINES.filter(
  (name) => name !== 'native' || PREBUILT.includes(`${process.platform}-${process.arch}`),
);

export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
export const P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;
export const KEY = 'd6eb959e9aec2e6fdc44b5862b269e987b8a4d6f2baca542d8acaa97ee5e74f6';
export const ID = '5d6568f883451ae2e407d1a0a7992e414f2a67b69d0e6e9176d353b98f06f696';

/** 64 hex digits of a number. */
export const hex32 = (value: bigint): string => value.toString(16).padStart(64, '0');

/** A signature text with some of its parts replaced. */
export const altered = (
  signature: string,
  parts: { r?: bigint; s?: bigint; v?: number },
): string => {
  const r = parts.r === undefined ? signature.slice(0, 64) : hex32(parts.r);
  const s = parts.s === undefined ? signature.slice(64, 128) : hex32(parts.s);
  const v = parts.v === undefined ? signature.slice(128) : parts.v.toString(16).padStart(2, '0');
  return r + s + v;
};

/** The malleated twin: the other s, and the other parity. */
export const highTwin = (signature: string): string =>
  altered(signature, {
    s: N - BigInt(`0x${signature.slice(64, 128)}`),
    v: Number.parseInt(signature.slice(128), 16) ^ 1,
  });

const EDGES = [
  0n,
  1n,
  2n,
  5n,
  N / 2n - 1n,
  N / 2n,
  N / 2n + 1n,
  N - 1n,
  N,
  N + 1n,
  P - N - 1n,
  P - N,
  P - N + 1n,
  P - 1n,
  P,
  2n ** 256n - 1n,
];

/** 32-byte numbers: edges, small ones (which wrap around the order) and random ones. */
export const anyScalar = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: 0n, max: 4_096n }),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
);

/** Valid private keys as hex. */
export const anyKey = fc
  .oneof(fc.constantFrom(1n, 2n, N - 1n), fc.bigInt({ min: 1n, max: N - 1n }))
  .map(hex32);
