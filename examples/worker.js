// A worker in a few lines. With `colonies dev` running:
//   source examples/devenv-executor && node examples/worker.js
// It registers itself as `greeter`, greets whoever is submitted, and leaves when stopped with Ctrl-C.

import { work } from 'colonies';

const { COLONIES_SERVER_HOST, COLONIES_SERVER_PORT, COLONIES_TLS, ...env } = process.env;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

await work(
  {
    host: COLONIES_SERVER_HOST ?? 'localhost',
    port: Number(COLONIES_SERVER_PORT ?? 50080),
    tls: COLONIES_TLS === 'true',
    colony: env.COLONIES_COLONY_NAME ?? 'dev',
    name: 'greeter',
    type: 'greeter',
    colonyKey: env.COLONIES_COLONY_PRVKEY,
    signal: stop.signal,
    onTrouble: (error) => console.error(error.message),
  },
  async ({ spec }, { log }) => {
    const [name = 'world'] = spec.args;
    await log(`greeting ${name}`);
    return `hello ${name}`;
  },
);
