// A node in this process for replaying recorded traffic: real engine, real dispatcher, no sockets.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDispatch } from '../../src/api/dispatch.ts';
import { executorDialect } from '../../src/api/executor-dialect.ts';
import { makeHttpServer } from '../../src/api/http.ts';
import { byType, type Watch } from '../../src/api/op.ts';
import { OPS_BY_TYPE } from '../../src/api/ops/index.ts';
import * as subscriptions from '../../src/api/ops/subscriptions.ts';
import { makeChoose } from '../../src/api/runtime-dialect/choose.ts';
import { runtimeDialect } from '../../src/api/runtime-dialect/dialect.ts';
import { makeWatching } from '../../src/api/ws.ts';
import { systemClock } from '../../src/node/clock.ts';
import { createIdentify } from '../../src/node/crypto/identify.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { openEngine } from '../../src/node/engine/open.ts';
import { silentLog } from '../../src/node/log.ts';
import { SAMPLE_KEYS } from './identities.ts';
import type { Answer } from './replay.ts';

export interface ReplayNode {
  call(body: string): Promise<Answer>;
  /** Where `/pubsub` is served: `ws://127.0.0.1:<port>/pubsub`. */
  readonly pubsub: string;
  close(): Promise<void>;
}

/** Whether this node serves a payload type of the executor dialect. */
export const serves = (type: string): boolean => OPS_BY_TYPE.has(type);

/** Starts a node that belongs to the sample server owner and serves both dialects. */
export const startReplayNode = async (): Promise<ReplayNode> => {
  const dir = await mkdtemp(join(tmpdir(), 'colonies-'));
  const clock = systemClock();
  const log = silentLog();
  const opened = await openEngine({ dir, clock, log, serverId: idOfKey(SAMPLE_KEYS.server) });
  const identify = await createIdentify({ clock, log });
  const server = {
    name: 'server1',
    buildversion: '',
    buildtime: '',
    host: '127.0.0.1',
    port: 50080,
    tls: false,
  };
  const deps = {
    engine: opened.engine,
    identify,
    dialects: [executorDialect(OPS_BY_TYPE, byType<Watch>(subscriptions)), runtimeDialect],
    choose: makeChoose(),
    server,
    clock,
    log,
  };
  const dispatch = makeDispatch(deps);
  const http = makeHttpServer({
    dispatch,
    sockets: { '/pubsub': makeWatching({ ...deps, metrics: dispatch.metrics }) },
    drain: opened.engine.drain,
    clock,
    log,
  });
  const { port } = await http.listen({ host: '127.0.0.1', port: 0 });
  const origin = { connection: new Map<string, string>(), signal: new AbortController().signal };
  return {
    call: (body) => dispatch.receive(body, origin),
    pubsub: `ws://127.0.0.1:${port}/pubsub`,
    close: async () => {
      await http.close();
      await identify.close();
      await opened.close();
      await rm(dir, { recursive: true });
    },
  };
};
