// Entry of a crypto worker thread: loads and tests one engine, then answers batches in order.

import { parentPort, workerData } from 'node:worker_threads';
import { chooseEngine } from './engines.ts';
import { packAnswers, READY, unpackAsks } from './recovery-wire.ts';
import { recoverDigest } from './signature.ts';

const serve = async (): Promise<void> => {
  if (parentPort === null) throw new Error('the crypto worker must run in a worker thread');
  const port = parentPort;
  const engine = await chooseEngine({ want: workerData.engine });
  port.on('message', (asks: Uint8Array) => {
    const answers = unpackAsks(asks).map((ask) => recoverDigest(engine, ask.digest, ask.signature));
    port.postMessage(packAnswers(answers));
  });
  port.postMessage(READY);
};

// A failure ends the thread with its error, which the pool sees.
await serve();
