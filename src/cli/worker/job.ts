// What a worker needs of an assigned process, and the environment its child gets. Both kinds of
// processes arrive in the 2022 vocabulary: of today's kind `cmd` is the function name and `args`
// are texts.

import { z } from 'zod';

const AssignedProcess = z.object({
  processid: z.string().regex(/^[\w-]{1,128}$/),
  attributes: z.array(z.object({ key: z.string(), value: z.string() })).nullable(),
  spec: z.object({
    cmd: z.string(),
    args: z.array(z.string()).nullable(),
    maxexectime: z.number(),
  }),
});

/** One process to run. `maxexectime` is in seconds, 0 or less is unlimited. */
export interface Job {
  readonly processid: string;
  readonly cmd: string;
  readonly args: readonly string[];
  readonly maxexectime: number;
  /** Attributes as `key=value` for the child. */
  readonly env: Readonly<Record<string, string>>;
}

/** The job in an assign reply. Throws when the reply is not a process, naming what is wrong. */
export const jobOf = (reply: unknown): Job => {
  const { processid, attributes, spec } = AssignedProcess.parse(reply);
  return {
    processid,
    cmd: spec.cmd,
    args: spec.args ?? [],
    maxexectime: spec.maxexectime,
    env: Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, value])),
  };
};

/** Who the worker is, as its child may know: its own key, never an owner's. */
export interface WorkerIdentity {
  readonly colonyid: string;
  readonly runtimeid: string;
  readonly prvkey: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

// COLONIES_COLONYPRVKEY, COLONIES_SERVER_PRVKEY, COLONIES_DB_PASSWORD and what will be called like
// them.
const SECRET = /^COLONIES_.*(PRVKEY|PASSWORD|SECRET|PSK)/i;

const KEY = /^[0-9a-f]{64}$/i;

/** The environment without secrets, and without copies of their keys under other names. */
const withoutSecrets = (
  base: Readonly<Record<string, string | undefined>>,
): Record<string, string> => {
  const given = Object.entries(base).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const keys = given.filter(([name, value]) => SECRET.test(name) && KEY.test(value));
  const holdsKey = (text: string): boolean => keys.some(([, key]) => text.includes(key));
  return Object.fromEntries(
    given.filter(([name, value]) => !SECRET.test(name) && !holdsKey(value)),
  );
};

/**
 * The environment of a child: the worker's own without its secrets, then the attributes of the
 * process, then the identity of the worker in both vocabularies; later ones win.
 */
export const childEnvironment = (
  base: Readonly<Record<string, string | undefined>>,
  job: Job,
  who: WorkerIdentity,
): Record<string, string> => ({
  ...withoutSecrets(base),
  ...job.env,
  COLONIES_COLONYID: who.colonyid,
  COLONIES_PROCESSID: job.processid,
  COLONIES_SERVER_HOST: who.host,
  COLONIES_SERVER_PORT: String(who.port),
  COLONIES_RUNTIMEID: who.runtimeid,
  COLONIES_RUNTIMEPRVKEY: who.prvkey,
  COLONIES_TLS: String(who.tls),
  COLONIES_PROCESS_ID: job.processid,
  COLONIES_COLONY_NAME: who.colonyid,
  COLONIES_EXECUTOR_NAME: who.name,
  COLONIES_PRVKEY: who.prvkey,
});
