// The record vectors: files that any implementation of the format can be tested with.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES } from '../../src/federation/frame.ts';
import { validate } from '../../src/federation/record.ts';
import { base64ToBytes } from '../../src/node/crypto/bytes.ts';
import { makeVectors, type Vector } from './vectors.ts';

const FOLDER = new URL('../vectors/records/', import.meta.url);

const filesOf = (kind: 'valid' | 'invalid'): string[] =>
  readdirSync(new URL(`${kind}/`, FOLDER)).sort();

const read = (file: string): Vector =>
  JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Vector;

describe('record vectors', () => {
  it('are what the generator makes, byte for byte', async () => {
    const made = await makeVectors();
    expect(new Set(made.map(({ file }) => file)).size).toBe(made.length);
    for (const { file, ...vector } of made) {
      const path = new URL(`${file}.json`, FOLDER).pathname;
      await expect(`${JSON.stringify(vector, null, 1)}\n`).toMatchFileSnapshot(path);
    }
  });

  it('are all there, and nothing else', async () => {
    const made = (await makeVectors()).map(({ file }) => `${file}.json`);
    const there = (['valid', 'invalid'] as const).flatMap((kind) =>
      filesOf(kind).map((file) => `${kind}/${file}`),
    );
    expect(there.sort()).toEqual(made.sort());
  });

  it.each(filesOf('valid'))('valid/%s is accepted', (file) => {
    const { network, ns, key, now, frame, ...expected } = read(`valid/${file}`);
    const bytes = base64ToBytes(frame);
    const checked = validate(bytes, now, { network, ns, key });
    if (!checked.ok) throw new Error(`${checked.reason}: ${checked.detail}`);
    expect(checked.record).toMatchObject({ signer: expected.signer, hash: expected.hash });
    expect(new TextDecoder().decode(bytes.subarray(HEADER_BYTES))).toBe(expected.payload);
    expect(checked.record.payload).toEqual(JSON.parse(expected.payload ?? ''));
  });

  it.each(filesOf('invalid'))('invalid/%s is refused for the reason in its name', (file) => {
    const { network, ns, key, now, frame, refusal } = read(`invalid/${file}`);
    const checked = validate(base64ToBytes(frame), now, { network, ns, key });
    expect(checked).toMatchObject({ ok: false, reason: refusal });
    expect(file.startsWith(`${refusal}-`)).toBe(true);
  });
});
