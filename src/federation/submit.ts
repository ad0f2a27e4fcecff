// Taking records that an owner signed elsewhere: the command line hands them to a node, which
// checks, keeps, announces and places them. The owner's key never comes here.

import type { Clock } from '../node/clock.ts';
import { fault } from '../node/errors.ts';
import type { Book, Held } from './book.ts';
import type { Certificates } from './certificate.ts';
import { FEDERATION_LIMITS as LIMITS } from './limits.ts';
import type { Lookups } from './lookup.ts';
import { compareRanks, rankOf } from './order.ts';
import type { Namespace } from './payloads.ts';
import type { Placer } from './place.ts';
import { idOfFrame, kindOfFrame, type SignedRecord, verify } from './record.ts';
import type { Trust } from './trust.ts';

export interface Submitted {
  readonly kind: string;
  readonly id: string;
  readonly hash: string;
  readonly sequence: number;
  /** Other nodes that hold it now; more follow in the background. */
  readonly copies: number;
  readonly asked: number;
}

export interface SubmitDeps {
  readonly book: Book;
  readonly trust: Trust;
  readonly certificates: Certificates;
  readonly lookups: Pick<Lookups, 'find'>;
  readonly announce: (bytes: Uint8Array) => void;
  /** Remembers that this server publishes a record of its owner. */
  readonly keepOwn: (ns: Namespace, id: string) => Promise<void>;
  readonly clock: Clock;
  readonly serverid: string;
}

/** Refuses what the book would take for older or for a fork. */
const refuseOlder = (record: SignedRecord<Namespace>, held: Held | undefined): void => {
  if (!held || held.record.hash === record.hash || record.kind === 'revocation') return;
  const order = compareRanks(rankOf(record), rankOf(held.record));
  const [epoch, seq] = rankOf(held.record);
  if (order > 0) return;
  throw fault(
    'conflict',
    `a record of epoch ${epoch}, sequence ${seq} is known: publish a higher one`,
    {
      epoch,
      sequence: seq,
    },
  );
};

/** Takes one signed record; see `Publisher.submit`. */
export const makeSubmit = (
  deps: SubmitDeps,
  placer: Placer,
): ((bytes: Uint8Array) => Promise<Submitted>) => {
  const { book, trust, certificates, lookups, announce, keepOwn, clock, serverid } = deps;
  const isOwn = (ns: Namespace, id: string): boolean =>
    ns === 'revocation' || (ns === 'endorsements' && id === serverid);

  const submitRecord = async (ns: Namespace, id: string, bytes: Uint8Array): Promise<Submitted> => {
    const record = verify(bytes, clock.now(), { network: book.network, ns, key: id });
    refuseOlder(record, await lookups.find(ns, id, { patienceMs: LIMITS.resolveColonyMs }));
    const { outcome, reason } = await book.offer(ns, id, bytes, { wanted: true });
    if (outcome === 'refused') throw fault('bad-request', `${ns} record refused: ${reason}`);
    if (outcome === 'older') throw fault('conflict', 'a newer record was seen before');
    if (isOwn(ns, id)) await keepOwn(ns, id);
    announce(bytes);
    const { copies, asked } = await placer.place(ns, id);
    return { kind: ns, id, hash: record.hash, sequence: rankOf(record)[1], copies, asked };
  };

  const submitStatement = async (
    kind: 'endorsement' | 'certificate',
    id: string,
    bytes: Uint8Array,
  ): Promise<Submitted> => {
    if (kind === 'certificate') {
      const { hash, payload } = await certificates.accept(bytes);
      return { kind, id, hash, sequence: payload.seq, copies: 0, asked: 0 };
    }
    await trust.accept(bytes);
    const where = { network: book.network, ns: kind, key: id } as const;
    const { hash, payload } = verify(bytes, clock.now(), where);
    announce(bytes);
    return { kind, id, hash, sequence: payload.list, copies: 0, asked: 0 };
  };

  return async (bytes) => {
    const kind = kindOfFrame(bytes);
    const id = idOfFrame(bytes);
    if (kind === undefined || id === undefined) throw fault('bad-request', 'not a signed record');
    if (kind === 'server') throw fault('bad-request', 'servers sign their own records');
    if (kind === 'endorsement' || kind === 'certificate') return submitStatement(kind, id, bytes);
    return submitRecord(kind, id, bytes);
  };
};
