// What this node answers to `GET /federation/...` about records and hosting, over whatever carries
// the question. Raw signed bytes only: whoever asks verifies them himself.

import { sha3Hex } from '../node/crypto/hash.ts';
import { Fault, fault } from '../node/errors.ts';
import { errorBody } from '../node/model/envelope.ts';
import type { Book, Held } from './book.ts';
import type { Payer } from './budget.ts';
import { isKnownOnly, nonceOf, type Parts, readPath, writeDocument } from './documents.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Lookups } from './lookup.ts';
import type { Namespace } from './payloads.ts';
import type { Signer } from './ports.ts';
import { makeReplyProof } from './reply-proof.ts';
import type { Trust } from './trust.ts';

export interface AnswerDeps {
  readonly book: Book;
  readonly lookups: Lookups;
  readonly trust: Pick<Trust, 'given'>;
  readonly serverid: string;
  /** Absent while the node has no certificate: then nothing can be proven. */
  readonly nodeKey: () => Signer | undefined;
  readonly hosts: (colonyid: string) => Promise<boolean> | boolean;
}

export interface Answer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  /** Value of `Colonies-Reply-Proof`, when the question carried a nonce. */
  readonly proof: string | undefined;
  /** Weak validator for caches: changes with the body. */
  readonly etag: string;
}

export interface Answers {
  /** The answer to a path with its query; undefined for a path that is not one of ours. */
  answer(path: string, payer: Payer): Promise<Answer | undefined>;
}

type Plain = { readonly status: number; readonly body: string };
const NOT_FOUND = 404;

type Ask = { readonly known: boolean; readonly payer: Payer | undefined };

const find = async <K extends Namespace>(
  { book, lookups }: AnswerDeps,
  ns: K,
  id: string,
  { known, payer }: Ask,
): Promise<Held<K> | undefined> =>
  known
    ? book.find(ns, id)
    : lookups.find(ns, id, { patienceMs: LIMITS.resolveColonyMs, ...(payer && { payer }) });

/** The revocation of the node key that is why no record of a server counts, if that is why. */
const deathOf = async ({ book }: AnswerDeps, serverid: string): Promise<readonly Uint8Array[]> => {
  const key = await book.deadKey('server', serverid);
  const held = key === undefined ? undefined : await book.find('revocation', key);
  return held ? [held.record.bytes] : [];
};

const colonyParts = async (deps: AnswerDeps, id: string, ask: Ask): Promise<Parts | undefined> => {
  const colony = await find(deps, 'colony', id, ask);
  if (!colony) return undefined;
  // The budget was spent on the colony; its servers belong to the same answer.
  const free = { known: ask.known, payer: undefined };
  const { servers } = colony.record.payload;
  const held = await Promise.all(servers.map((server) => find(deps, 'server', server, free)));
  const missing = servers.filter((_, i) => held[i] === undefined);
  const revocations = (await Promise.all(missing.map((server) => deathOf(deps, server)))).flat();
  return {
    colony: colony.record.bytes,
    servers: held.flatMap((server) => (server ? [server.record.bytes] : [])),
    ...(revocations.length > 0 && { revocations }),
  };
};

const listParts = async (deps: AnswerDeps, id: string, ask: Ask): Promise<Parts | undefined> => {
  const held = await find(deps, 'endorsements', id, ask);
  if (!held) return undefined;
  const live = new Set(held.record.payload.hashes);
  const given = id === deps.serverid ? deps.trust.given() : [];
  const endorsements = given.filter(({ hash }) => live.has(hash)).map(({ bytes }) => bytes);
  return { list: held.record.bytes, endorsements };
};

const partsOf = async (
  deps: AnswerDeps,
  ns: Namespace,
  id: string,
  ask: Ask,
): Promise<Parts | undefined> => {
  if (ns === 'colony') return colonyParts(deps, id, ask);
  if (ns === 'endorsements') return listParts(deps, id, ask);
  const held = await find(deps, ns, id, ask);
  return held && { [ns]: held.record.bytes };
};

/** Answers over the book and lookups of a node. */
export const makeAnswers = (deps: AnswerDeps): Answers => {
  const { book, serverid, nodeKey, hosts } = deps;

  /** The answer that there is none, with the revocation that is why where that is known. */
  const nothing = async (ns: Namespace, id: string): Promise<Plain> => {
    if (ns !== 'revocation' && book.isRevoked(id)) {
      throw fault('forbidden', `the key ${id} is revoked`);
    }
    const revocations = ns === 'server' ? await deathOf(deps, id) : [];
    const why = revocations.length > 0 ? ': its node key is revoked' : '';
    const told = errorBody(NOT_FOUND, `no ${ns} record of ${id} was found${why}`);
    const body = why === '' ? told : writeDocument({ revocations }, JSON.parse(told));
    return { status: NOT_FOUND, body };
  };

  const answerTo = async (path: string, payer: Payer): Promise<Plain | undefined> => {
    const question = readPath(path);
    if (!question) return undefined;
    const { id } = question;
    if (question.kind === 'hosting') {
      const hosting = await hosts(id);
      return { status: 200, body: JSON.stringify({ colonyid: id, serverid, hosting }) };
    }
    const { ns } = question;
    const parts = await partsOf(deps, ns, id, { known: isKnownOnly(path), payer });
    return parts ? { status: 200, body: writeDocument(parts) } : nothing(ns, id);
  };

  const plain = async (path: string, payer: Payer): Promise<Plain | undefined> => {
    try {
      return await answerTo(path, payer);
    } catch (error) {
      // Faults are answers: revoked, over budget. Anything else is a bug.
      if (!(error instanceof Fault)) throw error;
      return { status: error.status, body: errorBody(error.status, error.message) };
    }
  };

  return {
    answer: async (path, payer) => {
      const made = await plain(path, payer);
      if (!made) return undefined;
      const key = nonceOf(path) === undefined ? undefined : nodeKey();
      const proof = key && (await makeReplyProof(serverid, { request: path, ...made }, key));
      return { ...made, proof, etag: `W/"${sha3Hex(made.body).slice(0, 32)}"` };
    },
  };
};
