// Submits a process, waits for it and prints what came out. With examples/worker.js running:
//   source examples/devenv-executor && node examples/submit.js Ada

import { makeClient, STATE } from 'colonies';

const { COLONIES_SERVER_HOST, COLONIES_SERVER_PORT, COLONIES_TLS, ...env } = process.env;
const client = makeClient({
  host: COLONIES_SERVER_HOST ?? 'localhost',
  port: Number(COLONIES_SERVER_PORT ?? 50080),
  tls: COLONIES_TLS === 'true',
  key: env.COLONIES_PRVKEY,
});

const { processid } = await client.submit({
  spec: {
    funcname: 'greet',
    args: [process.argv[2] ?? 'world'],
    maxwaittime: 60,
    maxexectime: 10,
    maxretries: 1,
    conditions: { colonyname: env.COLONIES_COLONY_NAME ?? 'dev', executortype: 'greeter' },
  },
});

const done = await client.waitForProcess({ processid, timeout: 120 });
if (done.state === STATE.success) console.log(done.out.join('\n'));
else {
  console.error(done.errors.join('\n'));
  process.exitCode = 1;
}
