// The composition of a node: the one place that knows every part and introduces them to each other.
// What runs is decided here from the finished settings; how parts start and stop is lifecycle.ts.

import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { makeDispatch } from './api/dispatch.ts';
import { executorDialect } from './api/executor-dialect.ts';
import { type HttpServer, makeHttpServer } from './api/http.ts';
import { makeMetrics } from './api/metrics.ts';
import { byType, type Dialect, type ServerFacts, type Watch } from './api/op.ts';
import { OPS_BY_TYPE } from './api/ops/index.ts';
import * as subscriptions from './api/ops/subscriptions.ts';
import { makeChoose } from './api/runtime-dialect/choose.ts';
import { runtimeDialect } from './api/runtime-dialect/dialect.ts';
import { makeWatching } from './api/ws.ts';
import type { Federated } from './compose/federated.ts';
import { metricsRoute } from './compose/metrics.ts';
import { makeProtect } from './compose/replays.ts';
import { newRoutableId } from './federation/ids.ts';
import { type Clock, systemClock } from './node/clock.ts';
import { type Config, hasOverlay } from './node/config.ts';
import type { Engine as CryptoEngine } from './node/crypto/engine.ts';
import { chooseEngine } from './node/crypto/engines.ts';
import { createIdentify, type Identify } from './node/crypto/identify.ts';
import { type OpenedEngine, openEngine } from './node/engine/open.ts';
import { fault } from './node/errors.ts';
import { makeFolder } from './node/folder.ts';
import { makeLifecycle, type Part, ticking } from './node/lifecycle.ts';
import { LIMITS } from './node/limits.ts';
import { type Log, silentLog } from './node/log.ts';

export { type Config, readConfig } from './node/config.ts';

/** What a node is given beside its settings; all of it has a default. */
export interface Parts {
  readonly clock?: Clock;
  readonly log?: Log;
  /** Version and build time that the node reports. */
  readonly build?: { readonly version: string; readonly time: string };
  /**
   * Decides who owns the server before it answers anybody: gets the id that folder and settings
   * lead to, '' when there is none, and gives the one to use. May throw to refuse.
   */
  readonly chooseServerId?: (found: string) => string;
  /** Key of the server owner, to certify the node's key in the overlay with; 64 hex digits. */
  readonly serverKey?: string;
  /**
   * Called once when the node cannot go on, because its store failed: stop it and end the process.
   */
  readonly onFatal?: (error: unknown) => void;
}

/** A running node. */
export interface Node extends AsyncDisposable {
  /** '' when nobody owns the server. */
  readonly serverId: string;
  /** The port it listens on, also where a free one was asked for. */
  readonly port: number;
  readonly tls: boolean;
  /** Ends waiting calls, stops every part, closes the data folder. Never rejects. */
  stop(): Promise<void>;
}

const readPem = async (what: 'Key' | 'Cert', path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    const why = path === '' ? 'no file given' : (error as Error).message;
    throw fault('unavailable', `Failed to load TLS ${what}: ${path} (${why})`, { reason: 'tls' });
  }
};

const loadTls = async ({ http }: Config): Promise<{ cert: Buffer; key: Buffer } | undefined> => {
  if (!http.tls) return undefined;
  const key = await readPem('Key', http.tlskey);
  const cert = await readPem('Cert', http.tlscert);
  try {
    createSecureContext({ key, cert });
  } catch (error) {
    const why = (error as Error).message;
    throw fault('unavailable', `The TLS key and certificate cannot be used: ${why}`, {
      reason: 'tls',
    });
  }
  return { key, cert };
};

const ADDRESS_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'needs rights that this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  ENOTFOUND: 'is not an address of this machine',
};

// Both families where the machine has both.
const ANYWHERE = ['::', '0.0.0.0'];

const listen = async (server: HttpServer, { http }: Config): Promise<number> => {
  const { port } = http;
  const hosts = http.host === '' ? ANYWHERE : [http.host];
  for (const [at, host] of hosts.entries()) {
    try {
      return (await server.listen({ host, port })).port;
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      // Expected on machines without IPv6.
      if (at < hosts.length - 1 && code !== 'EADDRINUSE') continue;
      const where = http.host === '' ? `port ${port}` : `${http.host}:${port}`;
      const why = ADDRESS_PROBLEMS[code] ?? `: ${message}`;
      throw fault('unavailable', `Cannot listen: ${where} ${why}`, { reason: 'address' });
    }
  }
  throw new Error('no address to listen on');
};

const openStore = async (
  config: Config,
  clock: Clock,
  log: Log,
  parts: Parts,
): Promise<OpenedEngine> => {
  const { executors, retention } = config;
  makeFolder(config.dataDir, 0o700);
  const opened: OpenedEngine = await openEngine({
    dir: config.dataDir,
    clock,
    log,
    serverId: config.server.id,
    options: {
      staleExecutorS: executors.staleAfterS,
      retentionS: retention.enabled ? retention.keepS : 0,
    },
    ...(parts.onFatal === undefined ? {} : { onFatal: parts.onFatal }),
    // So that other nodes can tell where a process belongs.
    ...(hasOverlay(config)
      ? { newProcessId: (colony) => newRoutableId(clock, colony.id, opened.engine.server.id()) }
      : {}),
  });
  if (config.server.id !== '' && config.server.id !== opened.engine.server.id()) {
    log.warn('The data folder belongs to another server id, which stays in force', {
      given: config.server.id,
      kept: opened.engine.server.id(),
    });
  }
  return opened;
};

const chooseServerId = async ({ engine }: OpenedEngine, parts: Parts): Promise<void> => {
  const found = engine.server.id();
  const chosen = parts.chooseServerId?.(found) ?? found;
  if (chosen !== found) await engine.server.changeId(chosen);
};

interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly opened: OpenedEngine;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly build: NonNullable<Parts['build']>;
  readonly serverKey: string | undefined;
}

/** The engine in use, and who signs by it. */
interface Signatures {
  readonly crypto: CryptoEngine;
  readonly identify: Identify;
}

const openSignatures = async ({ config, clock, log }: Ground): Promise<Signatures> => {
  const want = config.crypto.engine;
  const crypto = await chooseEngine({ want: want === 'auto' ? undefined : want, log });
  return { crypto, identify: await createIdentify({ engine: crypto, clock, log }) };
};

// Loaded only for a node with an overlay: it brings libp2p.
const openOverlay = async (
  ground: Ground,
  signatures: Signatures,
  port: () => number,
): Promise<Federated | undefined> => {
  const { config, opened, clock, log, tls, build, serverKey } = ground;
  if (!hasOverlay(config)) return undefined;
  const { openFederated } = await import('./compose/federated.ts');
  const { version } = build;
  const given = { config, opened, clock, log, version, port, serverKey, limits: LIMITS };
  return openFederated({ ...given, ...signatures, tls: tls !== undefined });
};

const factsOf = ({ config, tls, build }: Ground, port: () => number): ServerFacts => ({
  name: hostname(),
  buildversion: build.version,
  buildtime: build.time,
  host: config.http.host || '0.0.0.0',
  tls: tls !== undefined,
  get port() {
    return port();
  },
});

const DIALECTS: readonly Dialect[] = [
  executorDialect(OPS_BY_TYPE, byType<Watch>(subscriptions)),
  runtimeDialect,
];

/** What answers over HTTP: both dialects over one engine, calls and subscriptions. */
const makeServer = (
  ground: Ground,
  identify: Identify,
  federated: Federated | undefined,
  port: () => number,
): HttpServer => {
  const { clock, log, opened, tls } = ground;
  const { engine } = opened;
  const shared = {
    engine,
    identify,
    protect: makeProtect({ clock, serverid: engine.server.id }),
    dialects: DIALECTS,
    choose: makeChoose(),
    server: factsOf(ground, port),
    clock,
    log,
    metrics: makeMetrics(),
  };
  const front = { ...shared, ...federated?.front };
  const inner = { ...shared, ...federated?.inner };
  const dispatch = makeDispatch({ ...front, elsewhere: federated?.front.calls });
  const served = federated?.serve(dispatch, {
    dispatch: makeDispatch({ ...inner, elsewhere: federated.inner.calls }),
    watching: makeWatching({ ...inner, elsewhere: federated.inner.watches }),
  });
  const gauges = () => federated?.gauges() ?? [];
  return makeHttpServer({
    dispatch,
    sockets: {
      '/pubsub': makeWatching({ ...front, elsewhere: federated?.front.watches }),
      ...served?.sockets,
    },
    routes: [...(served?.routes ?? []), metricsRoute(shared.metrics, gauges)],
    ...(tls === undefined ? {} : { tls }),
    drain: engine.drain,
    clock,
    log,
  });
};

const run = async (ground: Ground): Promise<Node> => {
  const { config, clock, log, opened, tls } = ground;
  const signatures = await openSignatures(ground);
  const { identify } = signatures;
  let { port } = config.http;
  const federated = await openOverlay(ground, signatures, () => port).catch(async (error) => {
    await identify.close();
    throw error;
  });
  const server = makeServer(ground, identify, federated, () => port);
  const nothing = (): void => undefined;
  const parts: readonly Part[] = [
    { name: 'store', start: nothing, stop: opened.close },
    { name: 'signatures', start: nothing, stop: identify.close },
    ticking(clock, log, opened.engine.untilTickMs, opened.engine.tick),
    {
      name: 'http',
      start: async () => {
        port = await listen(server, config);
      },
      stop: server.close,
    },
    // Last up and first down: the overlay never stands in the way of this node's own work.
    ...(federated?.parts ?? []),
  ];
  const life = makeLifecycle(clock, log, parts);
  await life.start();
  return {
    serverId: opened.engine.server.id(),
    port,
    tls: tls !== undefined,
    stop: life.stop,
    [Symbol.asyncDispose]: life.stop,
  };
};

/**
 * Starts a node and gives it when it answers. `config.dataDir` must not be empty. Throws
 * unavailable with `detail.reason` 'locked', 'newer', 'address' or 'tls'; what was started is
 * stopped then.
 */
export const createNode = async (config: Config, parts: Parts = {}): Promise<Node> => {
  const { clock = systemClock(), log = silentLog(), build = { version: '', time: '' } } = parts;
  const tls = await loadTls(config);
  const opened = await openStore(config, clock, log, parts);
  try {
    await chooseServerId(opened, parts);
    const { serverKey } = parts;
    return await run({ config, clock, log, opened, tls, build, serverKey });
  } catch (error) {
    // Whatever failed: the folder must be free again. Closing it twice is harmless.
    await opened.close();
    throw error;
  }
};
