// The records a node knows, for its operator: those of the federation's book, and those that the
// overlay holds for others.

import type { RecordShown, RecordsQuery } from '../api/node-port.ts';
import type { Overlay } from '../dht/overlay.ts';
import type { Book, Held } from '../federation/book.ts';
import { rankOf } from '../federation/order.ts';
import { NAMESPACES, type Namespace } from '../federation/payloads.ts';
import type { Placed } from '../federation/place.ts';
import { type SignedRecord, validateTimeless } from '../federation/record.ts';
import { fault } from '../node/errors.ts';

export interface RecordsDeps {
  readonly book: Book;
  readonly overlay: Pick<Overlay, 'records' | 'local'>;
  readonly placed: () => readonly Placed[];
}

const expiryOf = ({ payload }: SignedRecord): number => ('exp' in payload ? payload.exp : 0);
const issueOf = ({ payload }: SignedRecord): number => ('iat' in payload ? payload.iat : 0);

type Noted = Pick<Held, 'seenAt' | 'confirmedAt' | 'forks'>;

const NOT_NOTED: Noted = { seenAt: 0, confirmedAt: 0, forks: [] };

const shown = (
  record: SignedRecord<Namespace>,
  { seenAt, confirmedAt, forks }: Noted,
  placed: Placed | undefined,
): RecordShown => {
  const [epoch, sequence] = rankOf(record);
  return {
    kind: record.kind,
    id: record.payload.id,
    epoch,
    sequence,
    hash: record.hash,
    issuedat: issueOf(record),
    expiresat: expiryOf(record),
    sizebytes: record.bytes.length,
    seenat: seenAt,
    confirmedat: confirmedAt,
    forked: forks.length > 1,
    published: placed !== undefined,
    copies: placed?.copies ?? -1,
    placedat: placed?.placedAt ?? 0,
  };
};

/** Lists records by kind and id. */
export const makeRecordsShown = ({ book, overlay, placed }: RecordsDeps) => {
  const heldElsewhere = async (
    ns: Namespace,
    id: string,
    receivedAt: number,
  ): Promise<readonly [SignedRecord<Namespace>, Noted] | undefined> => {
    const bytes = await overlay.local(ns, id);
    const checked = bytes && validateTimeless(bytes, { network: book.network, ns, key: id });
    return checked?.ok ? [checked.record, { ...NOT_NOTED, seenAt: receivedAt }] : undefined;
  };

  const ofKind = async (ns: Namespace, count: number, after: string): Promise<RecordShown[]> => {
    const places = new Map(placed().map((one) => [`${one.ns}/${one.id}`, one]));
    const received = new Map(
      (await overlay.records())
        .filter(({ namespace, key }) => namespace === ns && key > after)
        .map(({ key, receivedAt }) => [key, receivedAt]),
    );
    const ids = new Set([...(await book.ids(ns, count, after)), ...received.keys()]);
    const out: RecordShown[] = [];
    for (const id of [...ids].sort().slice(0, count)) {
      const held = await book.hint(ns, id);
      const found =
        held === undefined
          ? await heldElsewhere(ns, id, received.get(id) ?? 0)
          : ([held.record, held] as const);
      if (found) out.push(shown(found[0], found[1], places.get(`${ns}/${id}`)));
    }
    return out;
  };

  return async ({ kind, count, after }: RecordsQuery): Promise<readonly RecordShown[]> => {
    const kinds = NAMESPACES.filter((ns) => kind === '' || kind === ns);
    if (kinds.length === 0) {
      const expected = NAMESPACES.join(', ');
      throw fault('bad-request', `Failed to get records, kind must be one of ${expected}`);
    }
    const out: RecordShown[] = [];
    for (const ns of kinds) out.push(...(await ofKind(ns, count - out.length, after)));
    return out;
  };
};
