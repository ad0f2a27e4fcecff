// What a whole node costs at rest among peers, beside the same node with its overlay off. Much of it
// comes in turns minutes apart, so it is watched for long; the worst minute of it is shown as well.

import { setTimeout as sleep } from 'node:timers/promises';
import { sharesOf } from './figures.js';
import { line, openNode, verdict } from './overlay-relay.js';

const WINDOW_S = 60;
const STEP_S = 10;
const GOALS = { percent: 0.5, MiB: 60 };

/** @param {{ bootstrap: string[], peers: number, restS: number, settleS: number }} options */
export const measureRest = async ({ bootstrap, peers, restS, settleS }) => {
  const nodes = await Promise.all([
    openNode('at rest', { bootstrap }),
    openNode('at rest, off', { off: true }),
  ]);
  const sample = () =>
    Promise.all(
      nodes.map(async ({ child }) => ({ ...(await child.ask('usage')), atMs: performance.now() })),
    );
  // A young node meets its peers, fills its table and compiles what it runs.
  await sleep(settleS * 1_000);
  const samples = [await sample()];
  for (let leftS = restS; leftS > 0; leftS -= STEP_S) {
    await sleep(Math.min(leftS, STEP_S) * 1_000);
    samples.push(await sample());
  }
  const [on, off] = nodes.map((_node, at) =>
    sharesOf(
      samples.map((each) => each[at]),
      WINDOW_S,
    ),
  );
  const told = (of) => `${on[of].toFixed(2)} %, overlay off ${off[of].toFixed(2)} %`;
  line(
    `at rest with ${peers} peers, share of a core over ${restS} s`,
    `${told('mean')} (goal ${GOALS.percent} %: ${verdict(on.mean < GOALS.percent)})`,
  );
  line(`the same, worst ${WINDOW_S} s of it`, told('worst'));
  const [lastOn, lastOff] = samples[samples.length - 1];
  const MiB = (lastOn.rss - lastOff.rss) / 2 ** 20;
  line(
    'memory above the same node with the overlay off',
    `${MiB.toFixed(0)} MiB (goal ${GOALS.MiB}: ${verdict(MiB <= GOALS.MiB)})`,
  );
  await Promise.all(nodes.map(({ child }) => child.stop()));
};
