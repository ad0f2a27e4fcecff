// What a node has placed is placed again when the overlay grew, not hours later: those who came
// since are among the closest to some of it.

import { afterAll, expect, test } from 'vitest';
import { colonyRecord, endNodes, startNode, startNodes, type TestNode, until } from './nodes.ts';

const nodes: TestNode[] = [];
afterAll(() => endNodes(nodes));

test('a record that was placed in full reaches the nodes that come later', async () => {
  nodes.push(...(await startNodes(['first', 'second'])));
  const [first] = nodes as [TestNode];
  await first.colony('dev');
  const records = [await colonyRecord('dev', [first.id])];
  await first.send('dev', 'publishrecordsmsg', { records });
  const copies = async (): Promise<number> => {
    const { payload } = await first.send('first', 'getnoderecordsmsg', {});
    return payload.find(({ kind }: { kind: string }) => kind === 'colony')?.copies ?? -1;
  };
  await until(async () => (await copies()) === 1);
  nodes.push(await startNode({ owner: 'third', bootstrap: [first.url] }));
  await until(async () => (await copies()) === 2, 30_000);
  expect(await copies()).toBe(2);
}, 60_000);
