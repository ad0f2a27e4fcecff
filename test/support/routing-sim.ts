// A simulator of the routing rule without libp2p: kad-dht's balanced prefix trie, disjoint paths with
// a shared set of seen peers, the rule to follow only peers nearer than the one that named them, and
// the closest-k stop. Seeded, so that a figure that moves was moved by a parameter. It models the
// warmed-up state; a young overlay has smaller tables.

export interface SimOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly bucketSize: number;
  readonly alpha: number;
  readonly disjointPaths: number;
  readonly prefixLength: number;
  /** Records placed and looked up. */
  readonly keys: number;
  /** Share of nodes that die at once between placing and looking up. */
  readonly dead: number;
}

export interface SimResult {
  /** Mean share of the truly closest `bucketSize` nodes that a placing reaches. */
  readonly recall: number;
  /** Share of lookups that found a copy while all live, and after the deaths, without any repair. */
  readonly found: number;
  readonly foundAfterDeaths: number;
  /** Median and 95th percentile of messages of a whole walk. */
  readonly messages: readonly [p50: number, p95: number];
  readonly table: number;
}

type Random = () => number;

/** Mulberry32: 32 bits of state are plenty for a simulation. */
const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const shuffled = <T>(list: T[], random: Random): T[] => {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
};

// Places are 32-bit numbers: enough for the order of tens of thousands of nodes.
const distance = (a: number, b: number): number => (a ^ b) >>> 0;

interface Table {
  readonly entries: number[];
  add(node: number): void;
}

type Trie = { leaf: number[] } | { zero: Trie; one: Trie };

/** A balanced trie: a full leaf splits down to `prefixLength` bits; a full bottom leaf takes nobody. */
const makeTable = (places: Uint32Array, bucketSize: number, prefixLength: number): Table => {
  const entries: number[] = [];
  const known = new Set<number>();
  let root: Trie = { leaf: [] };
  const isOne = (node: number, depth: number): boolean =>
    (((places[node] as number) >>> (31 - depth)) & 1) === 1;
  const put = (trie: Trie, node: number, depth: number): Trie => {
    if (!('leaf' in trie)) {
      if (isOne(node, depth)) trie.one = put(trie.one, node, depth + 1);
      else trie.zero = put(trie.zero, node, depth + 1);
      return trie;
    }
    if (trie.leaf.length < bucketSize) {
      trie.leaf.push(node);
      entries.push(node);
      known.add(node);
      return trie;
    }
    if (depth >= prefixLength) return trie;
    const split: Trie = {
      zero: { leaf: trie.leaf.filter((other) => !isOne(other, depth)) },
      one: { leaf: trie.leaf.filter((other) => isOne(other, depth)) },
    };
    return put(split, node, depth);
  };
  return {
    entries,
    add: (node) => {
      if (!known.has(node)) root = put(root, node, 0);
    },
  };
};

/** The `count` of `list` nearest to `target`, nearest first. */
const nearest = (
  list: readonly number[],
  places: Uint32Array,
  target: number,
  count: number,
): number[] => {
  const found: number[] = [];
  const far: number[] = [];
  for (const node of list) {
    const away = distance(places[node] as number, target);
    if (found.length === count && away >= (far[count - 1] as number)) continue;
    let at = Math.min(found.length, count - 1);
    while (at > 0 && (far[at - 1] as number) > away) {
      found[at] = found[at - 1] as number;
      far[at] = far[at - 1] as number;
      at -= 1;
    }
    found[at] = node;
    far[at] = away;
  }
  return found;
};

interface Path {
  /** Waiting nodes, the nearest last. */
  readonly queue: number[];
  /** Distances of the closest that answered on this path, the farthest last. */
  readonly closest: number[];
}

interface Walk {
  readonly answered: readonly number[];
  readonly messages: number;
}

interface World {
  readonly options: SimOptions;
  readonly places: Uint32Array;
  readonly tables: Table[];
  readonly dead: Set<number>;
  readonly random: Random;
}

/**
 * A whole walk of `from` towards `target`. `stop` ends it early; `learn` is told of every node that
 * answered and of those it named.
 */
const walk = (
  world: World,
  from: number,
  target: number,
  stop: (node: number) => boolean,
  learn?: (node: number, named: readonly number[]) => void,
): Walk => {
  const { options, places, tables, dead, random } = world;
  const { bucketSize, alpha, disjointPaths } = options;
  const away = (node: number): number => distance(places[node] as number, target);
  const seen = new Set<number>([from]);
  const paths: Path[] = Array.from({ length: disjointPaths }, () => ({ queue: [], closest: [] }));
  const admits = (path: Path, far: number): boolean =>
    path.closest.length < bucketSize || far < (path.closest[bucketSize - 1] as number);
  const enqueue = (path: Path, node: number): void => {
    seen.add(node);
    const far = away(node);
    let at = path.queue.length;
    while (at > 0 && away(path.queue[at - 1] as number) < far) at -= 1;
    path.queue.splice(at, 0, node);
  };
  const answered: number[] = [];
  let messages = 0;
  const ask = (path: Path, node: number): boolean => {
    messages += 1;
    if (dead.has(node)) return false;
    const far = away(node);
    answered.push(node);
    const at = path.closest.findIndex((other) => other > far);
    path.closest.splice(at < 0 ? path.closest.length : at, 0, far);
    if (path.closest.length > bucketSize) path.closest.pop();
    const named = nearest((tables[node] as Table).entries, places, target, bucketSize);
    learn?.(node, named);
    for (const other of named) {
      const near = away(other);
      if (!seen.has(other) && near < far && admits(path, near)) enqueue(path, other);
    }
    return stop(node);
  };
  const first = nearest((tables[from] as Table).entries, places, target, bucketSize);
  shuffled(first, random).forEach((node, i) => {
    enqueue(paths[i % disjointPaths] as Path, node);
  });
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const path of paths) {
      for (let i = 0; i < alpha && path.queue.length > 0; i += 1) {
        const node = path.queue.pop() as number;
        if (!admits(path, away(node))) continue;
        isBusy = true;
        if (ask(path, node)) return { answered, messages };
      }
    }
  }
  return { answered, messages };
};

/** Nodes join one by one through a random earlier one, look around, and refresh a few times. */
const grow = (world: World, refreshes: number): void => {
  const { options, places, tables, random } = world;
  const { nodes, bucketSize, prefixLength } = options;
  const explore = (node: number, target: number): void => {
    const own = tables[node] as Table;
    walk(
      world,
      node,
      target,
      () => false,
      (other, named) => {
        own.add(other);
        for (const each of named) if (each !== node) own.add(each);
        (tables[other] as Table).add(node);
      },
    );
  };
  for (let node = 0; node < nodes; node += 1) {
    const table = makeTable(places, bucketSize, prefixLength);
    tables.push(table);
    if (node === 0) continue;
    const bootstrap = Math.floor(random() * node);
    table.add(bootstrap);
    (tables[bootstrap] as Table).add(node);
    explore(node, places[node] as number);
  }
  for (let round = 0; round < refreshes; round += 1) {
    for (let node = 0; node < nodes; node += 1) {
      explore(node, places[node] as number);
      explore(node, Math.floor(random() * 2 ** 32));
    }
  }
};

const percentile = (list: readonly number[], share: number): number =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0;

/** One run: grow, place records, look them up, kill a share at once, look them up again. */
export const simulate = (options: SimOptions): SimResult => {
  const { nodes, keys, bucketSize, seed, dead } = options;
  const random = seeded(seed);
  const places = Uint32Array.from({ length: nodes }, () => Math.floor(random() * 2 ** 32));
  const world: World = { options, places, tables: [], dead: new Set(), random };
  grow(world, 1);
  const everyone = Array.from({ length: nodes }, (_, node) => node);
  const anyone = (): number => {
    for (;;) {
      const node = Math.floor(random() * nodes);
      if (!world.dead.has(node)) return node;
    }
  };
  const recalls: number[] = [];
  const messages: number[] = [];
  const records = Array.from({ length: keys }, () => {
    const target = Math.floor(random() * 2 ** 32);
    const placing = walk(world, anyone(), target, () => false);
    const holders = new Set(nearest(placing.answered, places, target, bucketSize));
    const truth = nearest(everyone, places, target, bucketSize);
    recalls.push(truth.filter((node) => holders.has(node)).length / bucketSize);
    messages.push(placing.messages);
    return { target, holders };
  });
  const found = (): number => {
    const hits = records.filter(({ target, holders }) => {
      let hit = false;
      walk(world, anyone(), target, (node) => {
        hit = holders.has(node);
        return hit;
      });
      return hit;
    });
    return hits.length / keys;
  };
  const foundAlive = found();
  for (const node of shuffled([...everyone], random).slice(0, Math.floor(nodes * dead))) {
    world.dead.add(node);
  }
  return {
    recall: recalls.reduce((sum, share) => sum + share, 0) / keys,
    found: foundAlive,
    foundAfterDeaths: found(),
    messages: [percentile(messages, 0.5), percentile(messages, 0.95)],
    table: percentile(
      world.tables.map((table) => table.entries.length),
      0.5,
    ),
  };
};
