// Death of keys: who may declare it, and who comes after.

import { describe, expect, it } from 'vitest';
import { validate } from '../../src/federation/record.ts';
import { heirStatement, successorOf } from '../../src/federation/revocation.ts';
import { bytesToBase64 } from '../../src/node/crypto/bytes.ts';
import { sha3Hex } from '../../src/node/crypto/hash.ts';
import { certify, DAY, keyOf, NETWORK, revoke, START, signColony } from './world.ts';

const colony = keyOf('colony');
const heir = keyOf('heir');
const thief = keyOf('thief');
const owner = keyOf('server');
const node = keyOf('node');
const REVOKED_AT = START + 30 * DAY;

describe('revocations', () => {
  it('stand when the key itself signs', async () => {
    const record = await revoke(colony);
    const where = { network: NETWORK, ns: 'revocation', key: colony.id } as const;
    expect(validate(record.bytes, START + 1_000 * DAY, where).ok).toBe(true);
  });

  it('of a node key stand when its server owner signs and shows the certificate', async () => {
    const cert = bytesToBase64((await certify(owner, node)).bytes);
    const record = await revoke(node, { cert }, owner);
    const where = { network: NETWORK, ns: 'revocation', key: node.id } as const;
    const checked = validate(record.bytes, START + 1_000 * DAY, where);
    expect(checked.ok && checked.record.certificate?.payload.sub).toBe(node.id);
  });

  it('by anybody else are refused', async () => {
    await expect(revoke(colony, {}, thief)).rejects.toThrow('wrong-signer');
    const cert = bytesToBase64((await certify(owner, node)).bytes);
    await expect(revoke(node, { cert }, thief)).rejects.toThrow('bad-certificate');
    await expect(revoke(colony, { cert }, owner)).rejects.toThrow('wrong-signer');
  });
});

const statement = async (
  over: { successor?: string; recovery?: string },
  seenAt: number,
  iat: number = seenAt,
) => {
  const record = await signColony(colony, [], { ...over, iat, exp: iat + 90 * DAY });
  return heirStatement(record, seenAt);
};

describe('successors', () => {
  it('are none when nothing was stated', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT, successor: thief.id });
    expect(successorOf(dead, [], REVOKED_AT)).toEqual({
      successor: undefined,
      reason: 'revoked, no successor',
    });
  });

  it('count when they stood for 7 days', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT });
    const made = [await statement({ successor: heir.id }, REVOKED_AT - 7 * DAY)];
    expect(successorOf(dead, made, REVOKED_AT).successor).toBe(heir.id);
  });

  it('do not count when they stood for less, and do not hide the one that did', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT });
    const young = await statement({ successor: thief.id }, REVOKED_AT - 7 * DAY + 1);
    expect(successorOf(dead, [young], REVOKED_AT).successor).toBeUndefined();
    const old = await statement({ successor: heir.id }, REVOKED_AT - 20 * DAY);
    expect(successorOf(dead, [young, old], REVOKED_AT).successor).toBe(heir.id);
  });

  it('are none when the last statement that stood long enough names nobody', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT });
    const named = await statement({ successor: heir.id }, REVOKED_AT - 20 * DAY);
    const unnamed = await statement({}, REVOKED_AT - 10 * DAY);
    expect(successorOf(dead, [named, unnamed], REVOKED_AT).successor).toBeUndefined();
  });

  it('count from when this reader saw them, whatever time the record claims', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT });
    const backdated = await statement({ successor: thief.id }, REVOKED_AT - DAY, START);
    expect(successorOf(dead, [backdated], REVOKED_AT).successor).toBeUndefined();
  });

  it('count back from the revocation, also when the reader learned of it late', async () => {
    const dead = await revoke(colony, { iat: REVOKED_AT });
    const young = await statement({ successor: thief.id }, REVOKED_AT - DAY);
    expect(successorOf(dead, [young], REVOKED_AT + 30 * DAY).successor).toBeUndefined();
  });

  it('hidden behind a recovery hash count once the key is shown', async () => {
    const made = [await statement({ recovery: sha3Hex(heir.id) }, START)];
    const silent = await revoke(colony, { iat: REVOKED_AT });
    expect(successorOf(silent, made, REVOKED_AT).successor).toBeUndefined();
    const wrong = await revoke(colony, { iat: REVOKED_AT, successor: thief.id });
    expect(successorOf(wrong, made, REVOKED_AT).successor).toBeUndefined();
    const right = await revoke(colony, { iat: REVOKED_AT, successor: heir.id });
    expect(successorOf(right, made, REVOKED_AT)).toMatchObject({ successor: heir.id });
  });
});
