// Subscriptions of an attached client: one connection to one host, or through a node, whose frames
// are proven
// one by one. None can be altered, left out or told twice without notice.

import type { Courier, Letter } from '../api/client/courier.ts';
import { ColoniesError, codeOf } from '../api/client/error.ts';
import { openFrames } from '../api/client/socket.ts';
import { replyProofProblem } from '../federation/reply-proof.ts';
import type { Host } from '../federation/resolve.ts';
import type { SignatureCheck } from '../federation/signature.ts';
import type { Clock } from '../node/clock.ts';
import { type Sealed, seal } from './letter.ts';
import { payloadOf } from './replayed.ts';
import type { Ways } from './ways.ts';

export interface WatchDeps {
  readonly colonyid: string;
  /** Hosts to try, in order. */
  readonly hosts: (letter: Letter | undefined) => Promise<readonly Host[]>;
  readonly ways: Pick<Ways, 'open'>;
  readonly isSigned: SignatureCheck;
  readonly clock: Clock;
}

const PROOF = /,"proof":"(v1;[^"\\]*)"\}$/;

interface Expected {
  readonly sealed: Sealed;
  /** Number of the next frame. */
  next: number;
}

const statusOf = (body: string): number => {
  if (!/"error":true\}$/.test(body)) return 200;
  const payload = payloadOf(body) as { status?: unknown } | undefined;
  return typeof payload?.status === 'number' ? payload.status : 0;
};

/** The frame without its proof. Throws ColoniesError when it is not proven by the host. */
export const openFrame = (
  text: string,
  expected: readonly Expected[],
  host: Host,
  isSigned: SignatureCheck,
): string => {
  const proof = PROOF.exec(text)?.[1];
  const body = proof === undefined ? text : text.replace(PROOF, '}');
  const status = statusOf(body);
  const prover = { serverid: host.serverid, publicKey: host.record?.publicKey ?? '' };
  for (const one of expected) {
    const answered = { request: one.sealed.payload, status, body, counter: one.next };
    if (replyProofProblem(proof, answered, [prover], isSigned) !== undefined) continue;
    one.next += 1;
    return body;
  }
  if (proof === undefined && [404, 421, 429, 502, 503].includes(status)) {
    // The words of a node on the way: no event, so nothing that could mislead.
    const payload = payloadOf(text) as { message?: unknown };
    const code = codeOf(status, '');
    throw new ColoniesError(code, `on the way to the host: ${String(payload.message)}`, { status });
  }
  throw new ColoniesError('bad-reply', 'an event was refused: it is not proven by the host');
};

async function* proven(
  frames: AsyncIterable<string>,
  expected: readonly Expected[],
  host: Host,
  isSigned: SignatureCheck,
): AsyncGenerator<string> {
  for await (const text of frames) yield openFrame(text, expected, host, isSigned);
}

/** The watching half of a courier. */
export const makeWatch =
  ({ colonyid, hosts, ways, isSigned, clock }: WatchDeps): Courier['watch'] =>
  async (letters, signal) => {
    const reasons: string[] = [];
    for (const host of await hosts(letters[0])) {
      const opened = await ways.open(host, signal ?? new AbortController().signal);
      if (typeof opened === 'string') {
        reasons.push(opened);
        continue;
      }
      const expected = letters.map((one) => ({ sealed: seal(one, host.serverid, clock), next: 1 }));
      const url = `${opened.base.replace(/^http/, 'ws')}/pubsub`;
      const bodies = expected.map(({ sealed }) => sealed.body);
      return proven(await openFrames(url, bodies, signal), expected, host, isSigned);
    }
    const why = reasons.join('; ') || 'its record names no host';
    throw new ColoniesError(
      'unreachable',
      `no host of colony ${colonyid} could be reached: ${why}`,
    );
  };
