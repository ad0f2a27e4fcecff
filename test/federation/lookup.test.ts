// Lookups: first and settled, quorum, misses, budgets, one at a time.

import { describe, expect, it } from 'vitest';
import { openBook } from '../../src/federation/book.ts';
import { makeLookupBudget } from '../../src/federation/budget.ts';
import { writeDocument } from '../../src/federation/documents.ts';
import { type LookupDeps, makeLookups } from '../../src/federation/lookup.ts';
import { memoryStore } from '../../src/federation/memory-store.ts';
import type { Ask, Copy } from '../../src/federation/ports.ts';
import type { SignedRecord } from '../../src/federation/record.ts';
import { hashHex } from '../../src/federation/signature.ts';
import { silentLog } from '../../src/node/log.ts';
import { scriptedOverlay, settle } from './fakes.ts';
import { HOUR, keyOf, NETWORK, START, signColony, signServer, testClock } from './world.ts';

const colony = keyOf('colony');
const owner = keyOf('server');
const KEY = `colony/${colony.id}`;

const copiesOf = (record: SignedRecord, ...holders: string[]): Copy[] =>
  holders.map((from) => ({ bytes: record.bytes, from }));

interface Script {
  readonly copies?: readonly Copy[];
  readonly hang?: boolean;
  readonly over?: Partial<LookupDeps>;
}

const start = async ({ copies = [], hang = false, over = {} }: Script) => {
  const clock = testClock(START + HOUR);
  const book = await openBook({ network: NETWORK, store: memoryStore(), clock });
  const { overlay, calls } = scriptedOverlay({ [KEY]: copies }, hang);
  const lookups = makeLookups({ book, clock, log: silentLog(), overlay, serverid: 's', ...over });
  const searches = (): number => calls.filter((call) => call.startsWith('search')).length;
  return { clock, book, lookups, calls, searches };
};

describe('lookups', () => {
  it('give the first valid record at once and settle on the highest', async () => {
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [owner], { seq: START + 1 });
    const copies = [...copiesOf(old, 'a'), ...copiesOf(young, 'b')];
    const { lookups } = await start({ copies });
    const first = await lookups.find('colony', colony.id, { until: 'first' });
    expect(first?.record.hash).toBe(old.hash);
    const settled = await lookups.find('colony', colony.id, { freshMs: 0 });
    expect(settled?.record.hash).toBe(young.hash);
  });

  it('end early once three holders agree on the best', async () => {
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [owner], { seq: START + 1 });
    const copies = [
      ...copiesOf(old, 'a', 'b', 'c'),
      ...copiesOf(young, 'd', 'd', 'e'),
      ...copiesOf(young, 'f'),
    ];
    const { lookups } = await start({ copies, hang: true });
    const settled = await lookups.find('colony', colony.id);
    expect(settled?.record.hash).toBe(young.hash);
    expect(settled?.confirmedAt).toBe(START + HOUR);
    expect(lookups.running()).toBe(0);
  });

  it('are never won by stale holders while a fifth of them is stale', async () => {
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [owner], { seq: START + 1 });
    const holders = Array.from({ length: 20 }, (_, i) => ({
      from: `holder ${i}`,
      bytes: i < 4 ? old.bytes : young.bytes,
    }));
    for (let round = 0; round < 200; round += 1) {
      const shuffled = holders
        .map((copy) => ({ copy, at: hashHex(`${round} ${copy.from}`) }))
        .sort((a, b) => (a.at < b.at ? -1 : 1))
        .map(({ copy }) => copy);
      const { lookups } = await start({ copies: shuffled });
      const found = await lookups.find('colony', colony.id);
      expect(found?.record.hash).toBe(young.hash);
    }
  });

  it('end with the deadline when holders are silent, and confirm nothing then', async () => {
    const record = await signColony(colony, [owner]);
    const { lookups, clock } = await start({ copies: copiesOf(record, 'a'), hang: true });
    const finding = lookups.find('colony', colony.id);
    await settle();
    clock.advance(5_000);
    const found = await finding;
    expect(found?.record.hash).toBe(record.hash);
    expect(found?.confirmedAt).toBe(0);
  });

  it('settle for what came first when patience ends', async () => {
    const record = await signColony(colony, [owner]);
    const { lookups, clock } = await start({ copies: copiesOf(record, 'a'), hang: true });
    const finding = lookups.find('colony', colony.id, { patienceMs: 300 });
    await settle();
    clock.advance(300);
    expect((await finding)?.record.hash).toBe(record.hash);
    expect(lookups.running()).toBe(1);
  });

  it('never take a lower sequence after a higher one was seen', async () => {
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [owner], { seq: START + 1 });
    const { lookups, book } = await start({ copies: copiesOf(old, 'a', 'b', 'c', 'd') });
    await book.offer('colony', colony.id, young.bytes);
    const found = await lookups.find('colony', colony.id);
    expect(found?.record.hash).toBe(young.hash);
  });

  it('send the best record to holders of worse ones', async () => {
    const old = await signColony(colony, [owner]);
    const young = await signColony(colony, [owner], { seq: START + 1 });
    const copies = [...copiesOf(old, 'a'), ...copiesOf(young, 'b')];
    const { lookups, calls } = await start({ copies });
    await lookups.find('colony', colony.id);
    await settle();
    expect(calls).toEqual([`search ${KEY}`, `keep ${KEY}`, `get ${KEY}`]);
  });

  it('drop forged copies and go on', async () => {
    const record = await signColony(colony, [owner]);
    const forged = record.bytes.slice();
    forged[100] = (forged[100] ?? 0) ^ 1;
    const copies = [{ bytes: forged, from: 'a' }, ...copiesOf(record, 'b')];
    const { lookups } = await start({ copies });
    expect((await lookups.find('colony', colony.id))?.record.hash).toBe(record.hash);
  });

  it('run once for many who ask at the same time', async () => {
    const record = await signColony(colony, [owner]);
    const { lookups, searches } = await start({ copies: copiesOf(record, 'a') });
    const found = await Promise.all(
      Array.from({ length: 20 }, () => lookups.find('colony', colony.id)),
    );
    expect(found.every((held) => held?.record.hash === record.hash)).toBe(true);
    expect(searches()).toBe(1);
  });

  it('are not repeated while the record is fresh', async () => {
    const record = await signColony(colony, [owner]);
    const { lookups, searches, clock } = await start({ copies: copiesOf(record, 'a') });
    await lookups.find('colony', colony.id);
    clock.advance(4 * 60_000);
    await lookups.find('colony', colony.id);
    expect(searches()).toBe(1);
    clock.advance(2 * 60_000);
    await lookups.find('colony', colony.id, { until: 'first' });
    await settle();
    expect(searches()).toBe(2);
  });

  it('remember what nobody had, until it appears', async () => {
    const { lookups, searches, book, clock } = await start({});
    expect(await lookups.find('colony', colony.id)).toBeUndefined();
    expect(await lookups.find('colony', colony.id)).toBeUndefined();
    expect(searches()).toBe(1);
    clock.advance(20_001);
    await lookups.find('colony', colony.id);
    expect(searches()).toBe(2);
    await book.offer('colony', colony.id, (await signColony(colony, [])).bytes);
    expect(await lookups.find('colony', colony.id, { until: 'first' })).toBeDefined();
  });

  it('are paid for by whoever makes them start, within his budget', async () => {
    const clock = testClock(START + HOUR);
    const budget = makeLookupBudget(clock);
    const { lookups, searches } = await start({ over: { budget } });
    const payer = { address: '192.0.2.1' };
    for (let i = 0; i < 60; i += 1) {
      await lookups.find('colony', keyOf(`c${i}`).id, { payer });
    }
    const one = keyOf('one more').id;
    await expect(lookups.find('colony', one, { payer })).rejects.toThrow(/too many lookups/);
    expect(await lookups.find('colony', one, { payer: { address: '192.0.2.2' } })).toBeUndefined();
    expect(await lookups.find('colony', one, { payer })).toBeUndefined();
    expect(searches()).toBe(61);
  });

  it('ask other nodes over HTTP beside the overlay, and only for what those hold', async () => {
    const node = keyOf('node');
    const record = await signColony(colony, [owner]);
    const server = await signServer(owner, node);
    const paths: string[] = [];
    const ask: Ask = async (place, path) => {
      paths.push(path);
      if (place.urls[0] === 'https://down') throw new Error('refused');
      const body = writeDocument({ colony: record.bytes, servers: [server.bytes] });
      return { status: 200, body, proof: undefined, via: place.urls[0] ?? '' };
    };
    const place = (url: string) => ({
      serverid: undefined,
      peer: undefined,
      urls: [url],
      addresses: [],
    });
    const others = async () => ['https://down', 'https://a', 'https://b'].map(place);
    const { lookups, book } = await start({ over: { ask, others } });
    const found = await lookups.find('colony', colony.id);
    expect(found?.record.hash).toBe(record.hash);
    expect(await book.find('server', owner.id)).toBeDefined();
    expect(paths).toEqual(Array(3).fill(`/federation/colonies/${colony.id}?known=1`));
  });

  it('take nothing from answers that are no documents', async () => {
    for (const body of [
      '',
      '{',
      '[]',
      '{"colony":7}',
      '{"colony":"!!!"}',
      '{"servers":["AAAA"]}',
    ]) {
      const ask: Ask = async () => ({ status: 200, body, proof: undefined, via: 'x' });
      const others = async () => [
        { serverid: undefined, peer: undefined, urls: ['https://a'], addresses: [] },
      ];
      const { lookups } = await start({ over: { ask, others } });
      expect(await lookups.find('colony', colony.id)).toBeUndefined();
    }
  });

  it('survive an overlay that fails', async () => {
    const { overlay } = scriptedOverlay({});
    const failing = {
      ...overlay,
      // biome-ignore lint/correctness/useYield: fails before its first copy
      search: async function* (): AsyncGenerator<Copy> {
        throw new Error('stopping');
      },
    };
    const { lookups } = await start({ over: { overlay: failing } });
    expect(await lookups.find('colony', colony.id)).toBeUndefined();
  });
});
