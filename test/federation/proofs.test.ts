// Reply proofs, relay passes and the rules against replays.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SignedRecord } from '../../src/federation/record.ts';
import { makeRelayGuard, makeRelayPass, type RelayPass } from '../../src/federation/relay-auth.ts';
import { protectionOf, type ReplayFacts, replayed } from '../../src/federation/replay.ts';
import { makeReplyProof, replyProofProblem } from '../../src/federation/reply-proof.ts';
import { certify, DAY, HOUR, keyOf, NETWORK, START, testClock } from './world.ts';

const server = keyOf('server');
const node = keyOf('node');
const other = keyOf('other');
const prover = { serverid: server.id, publicKey: node.publicKey };
const answered = { request: 'eyJtc2d0eXBlIjoiYXNzaWduIn0=', status: 200, body: '{"error":false}' };

describe('reply proofs', () => {
  it('hold for exactly the request, status, body and frame they were made for', async () => {
    const proof = await makeReplyProof(server.id, answered, node);
    expect(replyProofProblem(proof, answered, [prover])).toBeUndefined();
    const bytes = new TextEncoder().encode(answered.body);
    expect(replyProofProblem(proof, { ...answered, body: bytes }, [prover])).toBeUndefined();
    for (const change of [
      { request: 'eyJtc2d0eXBlIjoiYXNzaWduIn1=' },
      { status: 403 },
      { body: '{"error":true}' },
      { counter: 1 },
    ]) {
      expect(replyProofProblem(proof, { ...answered, ...change }, [prover])).toBeDefined();
    }
    const framed = { ...answered, counter: 7 };
    const second = await makeReplyProof(server.id, framed, node);
    expect(replyProofProblem(second, framed, [prover])).toBeUndefined();
    expect(replyProofProblem(second, { ...framed, counter: 8 }, [prover])).toMatch(/frame/);
  });

  it('by a server that the colony does not name, or another key, do not hold', async () => {
    const proof = await makeReplyProof(server.id, answered, node);
    expect(replyProofProblem(proof, answered, [{ ...prover, serverid: other.id }])).toMatch(
      /does not name/,
    );
    expect(replyProofProblem(proof, answered, [])).toMatch(/does not name/);
    const forged = await makeReplyProof(server.id, answered, other);
    expect(replyProofProblem(forged, answered, [prover])).toMatch(/does not hold/);
  });

  it('that are missing or malformed are refused without throwing', async () => {
    const proof = await makeReplyProof(server.id, answered, node);
    expect(replyProofProblem(undefined, answered, [prover])).toMatch(/no proof/);
    const texts = fc.oneof(
      fc.string(),
      fc.nat({ max: proof.length - 1 }).map((at) => proof.slice(0, at) + proof.slice(at + 1)),
      fc.nat({ max: proof.length - 1 }).map((at) => `${proof.slice(0, at)}~${proof.slice(at + 1)}`),
    );
    const property = fc.property(texts, (text) => {
      expect(replyProofProblem(text, answered, [prover])).toBeDefined();
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe('relay passes', () => {
  let certificate: SignedRecord<'certificate'>;
  const body = '{"payload":"…"}';
  const relayer = keyOf('relayer');
  const relayNode = keyOf('relay node');

  beforeAll(async () => {
    certificate = await certify(relayer, relayNode);
  });

  const start = (over: { isRevoked?: (id: string) => boolean } = {}) => {
    const clock = testClock(START + HOUR);
    const guard = makeRelayGuard({
      network: NETWORK,
      serverid: server.id,
      clock,
      isRevoked: () => false,
      ...over,
    });
    const pass = (target = server.id) =>
      makeRelayPass({ certificate, nodeKey: relayNode, clock }, target, body);
    return { clock, guard, pass };
  };

  it('tell the home who relays', async () => {
    const { guard, pass } = start();
    expect(guard.admit(await pass(), body)).toEqual({
      serverid: relayer.id,
      nodeid: relayNode.id,
      peer: relayNode.peer,
    });
  });

  it('work once, for one body and one target', async () => {
    const { guard, pass } = start();
    const made = await pass();
    expect(() => guard.admit(made, `${body} `)).toThrow(/does not hold/);
    guard.admit(made, body);
    expect(() => guard.admit(made, body)).toThrow(/used before/);
    const elsewhere = await pass(other.id);
    expect(() => guard.admit(elsewhere, body)).toThrow(/does not hold/);
  });

  it('are good for a minute of clock difference', async () => {
    const { guard, pass, clock } = start();
    const made = await pass();
    clock.advance(60_000);
    guard.admit(made, body);
    const late = await pass();
    clock.advance(60_001);
    expect(() => guard.admit(late, body)).toThrow(/window/);
  });

  it('are remembered as long as they could be used again', async () => {
    const { guard, pass, clock } = start();
    const made = await pass();
    guard.admit(made, body);
    for (let i = 0; i < 4; i += 1) {
      clock.advance(15_000);
      guard.admit(await pass(), body);
      expect(() => guard.admit(made, body)).toThrow(/used before/);
    }
  });

  it('need a certificate for the key, valid now, of this network, not revoked', async () => {
    const { guard, pass, clock } = start();
    const made = await pass();
    const swap = async (record: SignedRecord): Promise<RelayPass> => {
      const text = Buffer.from(record.bytes).toString('base64');
      return { ...made, certificate: text };
    };
    const foreign = await swap(await certify(relayer, other));
    expect(() => guard.admit(foreign, body)).toThrow(/another key/);
    // The key is his, the peer is another node's, whose calls his would be counted as.
    const borrowed = await swap(await certify(relayer, relayNode, { peer: other.peer }));
    expect(() => guard.admit(borrowed, body)).toThrow(/another peer/);
    const ended = await swap(await certify(relayer, relayNode, { exp: START + 1 }));
    expect(() => guard.admit(ended, body)).toThrow(/expired/);
    const apart = await swap(await certify(relayer, relayNode, { net: 'other' }));
    expect(() => guard.admit(apart, body)).toThrow(/wrong-network/);
    expect(() => guard.admit({ auth: made.auth }, body)).toThrow(/certificate/);
    expect(() => guard.admit({ certificate: made.certificate }, body)).toThrow(/missing/);
    for (const dead of [relayer.id, relayNode.id]) {
      const strict = start({ isRevoked: (id) => id === dead });
      const fresh = await strict.pass();
      expect(() => strict.guard.admit(fresh, body)).toThrow(/revoked/);
    }
    clock.advance(400 * DAY);
    expect(() => guard.admit(made, body)).toThrow(/window/);
  });
});

describe('replay rules', () => {
  const facts: ReplayFacts = {
    now: START,
    serverid: server.id,
    caller: other.id,
    mutating: true,
    demanded: false,
  };
  const fields = { nonce: 'abcdefghijklmnop', issuedat: START, audience: server.id };

  it('leave a call without a nonce alone, unless the colony demands one', () => {
    expect(protectionOf({}, facts)).toEqual({ kind: 'open' });
    expect(() => protectionOf({}, { ...facts, demanded: true })).toThrow(/demands/);
  });

  it('remember a protected call by caller and nonce until its window ends', () => {
    const made = protectionOf({ ...fields, issuedat: START - 60_000 }, facts);
    expect(made).toEqual({
      kind: 'once',
      key: `${other.id}/${fields.nonce}`,
      nonce: fields.nonce,
      forgetAt: START + 60_001,
    });
  });

  it('refuse a call out of its window of 120 seconds either way', () => {
    for (const issuedat of [START - 120_000, START + 120_000]) {
      expect(protectionOf({ ...fields, issuedat }, facts).kind).toBe('once');
    }
    for (const issuedat of [START - 120_001, START + 120_001]) {
      expect(() => protectionOf({ ...fields, issuedat }, facts)).toThrow(/120 seconds/);
    }
  });

  it('never forget a call that would still be let in', () => {
    const property = fc.property(fc.integer({ min: -120_000, max: 120_000 }), (skew) => {
      const made = protectionOf({ ...fields, issuedat: START + skew }, facts);
      if (made.kind !== 'once') throw new Error('not protected');
      const forgotten = { ...facts, now: made.forgetAt };
      expect(() => protectionOf({ ...fields, issuedat: START + skew }, forgotten)).toThrow();
    });
    fc.assert(property);
  });

  it('refuse a call for another server, and one that changes something for none', () => {
    expect(() => protectionOf({ ...fields, audience: other.id }, facts)).toThrow(/another server/);
    const { audience: _none, ...open } = fields;
    expect(() => protectionOf(open, facts)).toThrow(/audience/);
    expect(protectionOf(open, { ...facts, mutating: false }).kind).toBe('once');
    expect(() => protectionOf({ audience: other.id }, facts)).toThrow(/another server/);
  });

  it('refuse malformed fields', () => {
    for (const nonce of ['short', 'x'.repeat(65), 'with space 123456', 7, null]) {
      expect(() => protectionOf({ ...fields, nonce }, facts)).toThrow(/nonce/);
    }
    for (const issuedat of [undefined, '1', 1.5, Number.NaN, 2 ** 53]) {
      expect(() => protectionOf({ ...fields, issuedat }, facts)).toThrow(/issuedat/);
    }
  });

  it('answer a repeat with 409 and what the first one made', () => {
    expect(replayed('8f3a')).toMatchObject({ status: 409, message: 'already done: 8f3a' });
  });
});
