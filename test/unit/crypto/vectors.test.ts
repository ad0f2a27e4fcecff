// The shared vectors: identities, deterministic signatures, recoveries, refusals and attribute ids.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hexToBytes, textToBase64 } from '../../../src/node/crypto/bytes.ts';
import { loadEngine } from '../../../src/node/crypto/engines.ts';
import { sha3, sha3Hex, sha3Reference } from '../../../src/node/crypto/hash.ts';
import { attributeId } from '../../../src/node/crypto/ids.ts';
import { idOfKey, idOfPublicKey, publicKeyHex } from '../../../src/node/crypto/keys.ts';
import { refusalOf2022 } from '../../../src/node/crypto/refusals.ts';
import { makeSigner, sign } from '../../../src/node/crypto/sign.ts';
import { recoverId } from '../../../src/node/crypto/signature.ts';
import { verifyText } from '../../../src/node/crypto/verify.ts';
import { Fault } from '../../../src/node/errors.ts';
import { ENGINES_HERE } from './samples.ts';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'));
const crypto = read('crypto.json');
const golden = read('golden-signatures.json');

interface Signed {
  prvkey: string;
  message: string;
  sha3_256: string;
  signature: string;
  id: string;
}

type Hashed = { text: string; sha3_256: string; bytes?: number[] };
type Identity = { where: string; prvkey: string; pubkey: string; id: string };
type Enveloped = Record<'signer' | 'payload_json' | 'payload' | 'digest' | 'signature', string>;

const signed: Signed[] = [
  ...golden.vectors.map((row: Signed & { message_repeat?: [string, number] }) => ({
    ...row,
    message: row.message_repeat ? row.message_repeat[0].repeat(row.message_repeat[1]) : row.message,
  })),
  ...crypto.sign_deterministic.map((row: { prvkey: string; text: string; signature: string }) => ({
    ...row,
    message: row.text,
    sha3_256: sha3Hex(row.text),
    id: idOfKey(row.prvkey),
  })),
];

const refusalOf = (run: () => unknown): Fault => {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('hashes', () => {
  it.each<Hashed>(crypto.hash)('SHA3-256 of $text', ({ text, sha3_256, bytes }) => {
    expect(sha3Hex(text)).toBe(sha3_256);
    expect(sha3(text)).toEqual(new Uint8Array(hexToBytes(sha3_256)));
    if (bytes) expect([...sha3(text)]).toEqual(bytes);
  });

  it('the platform and the reference agree, also on half surrogate pairs', () => {
    for (const text of ['', 'a', '漢字 🐝', '\ud800', 'x\udc00y', 'x'.repeat(5_000)]) {
      expect([...sha3(text)]).toEqual([...sha3Reference(text)]);
    }
  });
});

describe('identities', () => {
  it.each<Identity>(crypto.identities)('$where', ({ prvkey, pubkey, id }) => {
    expect(publicKeyHex(prvkey)).toBe(pubkey);
    expect(idOfPublicKey(pubkey)).toBe(id);
    expect(idOfPublicKey(pubkey.toUpperCase())).toBe(id);
    expect(idOfKey(prvkey)).toBe(id);
    expect(idOfKey(prvkey.toUpperCase())).toBe(id);
  });

  it('attribute ids', () => {
    for (const { targetid, key, attributetype, attributeid } of crypto.attribute_ids) {
      expect(attributeId(targetid, key, attributetype)).toBe(attributeid);
    }
    expect(attributeId('aaaa', 'MYKEY', 3)).toBe(
      '5290106b36328ac1c3466bf335f05f36dcd76443ca67abbe4b3887039c002feb',
    );
  });
});

describe.each(ENGINES_HERE)('the %s engine', async (name) => {
  const engine = await loadEngine(name);

  it('signs every vector with the recorded bytes', () => {
    for (const { prvkey, message, sha3_256, signature } of signed) {
      expect(sha3Hex(message)).toBe(sha3_256);
      expect(makeSigner(prvkey, engine)(message)).toBe(signature);
    }
  });

  it('recovers the signer of every vector, and verifies it by its key', () => {
    for (const { prvkey, message, signature, id } of signed) {
      expect(recoverId(message, signature, engine)).toBe(id);
      const rs = hexToBytes(signature).subarray(0, 64);
      const key = hexToBytes(publicKeyHex(prvkey));
      expect(verifyText(message, rs, key, engine)).toBe(true);
      expect(verifyText(`${message}.`, rs, key, engine)).toBe(false);
    }
  });

  it('recovers signatures that other signers made', () => {
    for (const { text, signature, id } of crypto.recover_only) {
      expect(recoverId(text, signature, engine)).toBe(id);
    }
  });

  it('refuses what must be refused, with the sentence of 2022 on request', () => {
    for (const { text, signature, error } of crypto.must_fail) {
      const refused = refusalOf(() => recoverId(text, signature, engine));
      expect(refused.code).toBe('forbidden');
      expect(refusalOf2022(refused)).toBe(error);
    }
  });

  it('recovers or refuses every odd form as the recorded servers do', () => {
    const { message, cases } = golden.recovery_cases;
    for (const { case: why, signature, recovered_id } of cases) {
      const run = () => recoverId(message, signature, engine);
      if (recovered_id === null) expect(refusalOf(run).code, why).toBe('forbidden');
      else expect(run(), why).toBe(recovered_id);
    }
  });
});

describe('envelopes', () => {
  it.each<Enveloped>(crypto.envelopes)('$payloadtype by $signer', (row) => {
    const owner = crypto.identities.find((each: { where: string }) => each.where === row.signer);
    expect(textToBase64(row.payload_json)).toBe(row.payload);
    expect(sha3Hex(row.payload)).toBe(row.digest);
    expect(sign(row.payload, owner.prvkey)).toBe(row.signature);
  });
});
