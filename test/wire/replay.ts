// Replays a transcript: signs its requests anew, puts our ids where the recorded ones stood, and lists what
// is different in the answers. Exchanges of domains that this node does not serve are passed over, with
// everything that depends on what they made.

import { sign } from '../../src/node/crypto/sign.ts';
import { differences, ID } from './compare.ts';
import { explain, STATUS_FIXES } from './deviations.ts';
import { makeIdentities } from './identities.ts';
import type { Exchange } from './transcript.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface ReplayReport {
  /** Payload types that were compared at least once. */
  readonly compared: Set<string>;
  readonly exchanges: number;
  readonly failures: readonly string[];
}

/** Fields that name an identity: an unknown id there gets a key of its own. */
const IDENTITY = ['colonyid', 'executorid', 'userid'];
/** Fields that the server ignores or that may be unknown on purpose. */
const FREE = ['attributeid'];

class Unmapped extends Error {}

const rewrite = (
  value: unknown,
  known: ReadonlyMap<string, string>,
  idFor: (id: string) => string,
  name = '',
): unknown => {
  if (typeof value === 'string' && ID.test(value)) {
    const mine = known.get(value);
    if (mine !== undefined) return mine;
    if (IDENTITY.includes(name)) return idFor(value);
    if (FREE.includes(name)) return value;
    throw new Unmapped(value);
  }
  if (Array.isArray(value)) return value.map((item) => rewrite(item, known, idFor, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, rewrite(part, known, idFor, key)]),
  );
};

/** The envelope of a request, signed by `key`; unsigned when it is undefined. */
export const envelope = (type: string, request: unknown, key?: string): string => {
  const payload = Buffer.from(JSON.stringify(request)).toString('base64');
  const signature = key === undefined ? '' : sign(payload, key);
  return JSON.stringify({ payloadtype: type, payload, signature });
};

/** The decoded payload of an answer. */
export const payloadOf = (body: string): unknown =>
  body === ''
    ? undefined
    : JSON.parse(
        Buffer.from((JSON.parse(body) as { payload: string }).payload, 'base64').toString(),
      );

const statusProblem = (exchange: Exchange, status: number): string | undefined => {
  if (status === exchange.status) return undefined;
  const fix = STATUS_FIXES[exchange.type];
  if (fix?.[0] === exchange.status && fix[1] === status) return undefined;
  return `status ${exchange.status} became ${status}`;
};

/** Replays the exchanges that `serves` says we serve, against `call`; `before` is told the line first. */
export const replay = async (
  all: readonly Exchange[],
  serves: (type: string) => boolean,
  call: (body: string) => Promise<Answer>,
): Promise<ReplayReport> => {
  const cast = makeIdentities();
  const known = new Map<string, string>();
  const compared = new Set<string>();
  const failures: string[] = [];
  let count = 0;
  for (const exchange of all.filter(({ type }) => serves(type))) {
    const where = `line ${exchange.line} ${exchange.type}`;
    let request: unknown;
    try {
      request = rewrite(exchange.request, known, cast.idFor);
    } catch (error) {
      // Expected: it names something made by an exchange that was passed over.
      if (error instanceof Unmapped) continue;
      throw error;
    }
    const key = exchange.signed ? cast.signer(exchange) : undefined;
    const answer = await call(envelope(exchange.type, request, key));
    cast.learn(exchange);
    compared.add(exchange.type);
    count += 1;
    const problem = statusProblem(exchange, answer.status);
    if (problem !== undefined) {
      failures.push(`${where}: ${problem}: ${JSON.stringify(payloadOf(answer.body))}`);
      continue;
    }
    const found = differences(exchange.reply, payloadOf(answer.body), (a, b) => known.set(a, b));
    for (const difference of found) {
      if (explain(exchange.type, difference)) continue;
      failures.push(
        `${where}: ${difference.path}: ${JSON.stringify(difference.recorded)} became ${JSON.stringify(difference.ours)}`,
      );
    }
  }
  return { compared, exchanges: count, failures };
};
