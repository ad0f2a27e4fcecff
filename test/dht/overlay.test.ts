import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeWorld,
  readThing,
  thing,
  until,
  type World,
  type WorldNode,
} from '../support/overlay-world.ts';

describe('six overlay nodes', () => {
  let world: World;
  let nodes: WorldNode[];

  beforeAll(async () => {
    world = makeWorld();
    nodes = await world.nodes(6);
    await until('all know each other', () =>
      nodes.every(({ overlay }) => overlay.status().table >= 5),
    );
  });
  afterAll(() => world.end());

  it('place a record at all nodes and find it from each', async () => {
    const bytes = thing({ key: 'a', seq: 1 });
    const placed = await (nodes[1] as WorldNode).overlay.put('thing', 'a', bytes);
    expect(placed).toEqual({ copies: 5, asked: 5 });
    for (const { overlay } of nodes) {
      const found = await overlay.get('thing', 'a');
      expect(readThing(found.best)?.seq).toBe(1);
      expect(found.complete).toBe(true);
    }
  });
});
