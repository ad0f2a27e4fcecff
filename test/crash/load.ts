// Mixed load of several clients on one colony. What is acknowledged goes into the ledger; a call without an
// answer ends its client, for the server was killed.

import { chooseEngine } from '../../src/node/crypto/engines.ts';
import { idOfKey } from '../../src/node/crypto/keys.ts';
import { makeSigner } from '../../src/node/crypto/sign.ts';
import type { Ledger } from './ledger.ts';

export const KEYS = {
  server: '1'.padStart(64, '0'),
  colony: '2'.padStart(64, '0'),
  user: '3'.padStart(64, '0'),
} as const;
export const COLONY = 'crash';
const WORKERS = 4;
const SUBMITTERS = 3;
const keyOf = (worker: number): string => String(100 + worker).padStart(64, '0');

/** The server is gone: what was asked may or may not have happened. */
class NoAnswer extends Error {}

type Reply = Record<string, unknown>;
export type Call = (key: string, type: string, fields: object) => Promise<Reply | undefined>;

/** Signed calls to a server; undefined when it refused, NoAnswer when it is gone. */
export const makeCall = async (url: string): Promise<Call> => {
  const engine = await chooseEngine();
  const signers = new Map<string, (text: string) => string>();
  return async (key, type, fields) => {
    let signer = signers.get(key);
    if (!signer) {
      signer = makeSigner(key, engine);
      signers.set(key, signer);
    }
    const json = JSON.stringify({ ...fields, msgtype: type });
    const payload = Buffer.from(json).toString('base64');
    const body = JSON.stringify({ payloadtype: type, payload, signature: signer(payload) });
    try {
      const response = await fetch(`${url}/api`, { method: 'POST', body });
      const reply = (await response.json()) as { payload: string; error: boolean };
      if (reply.error) return undefined;
      return JSON.parse(Buffer.from(reply.payload, 'base64').toString()) as Reply;
    } catch (error) {
      throw new NoAnswer('no answer', { cause: error });
    }
  };
};

const pick = <T>(list: readonly T[], random: () => number): T =>
  list[Math.floor(random() * list.length)] as T;

/** Registers the colony, its user and its workers. */
export const setUp = async (call: Call, ledger: Ledger): Promise<void> => {
  const colony = { colonyid: idOfKey(KEYS.colony), name: COLONY };
  await call(KEYS.server, 'addcolonymsg', { colony });
  const user = { colonyname: COLONY, userid: idOfKey(KEYS.user), name: 'user' };
  await call(KEYS.colony, 'addusermsg', { user });
  for (let n = 0; n < WORKERS; n++) await addWorker(call, ledger, `worker-${n}`, keyOf(n));
};

const addWorker = async (call: Call, ledger: Ledger, name: string, key: string): Promise<void> => {
  const executor = {
    colonyname: COLONY,
    executorid: idOfKey(key),
    executorname: name,
    executortype: 'w',
  };
  if (await call(KEYS.colony, 'addexecutormsg', { executor })) ledger.member(name);
  await call(KEYS.colony, 'approveexecutormsg', { colonyname: COLONY, executorname: name });
};

const submit = async (call: Call, ledger: Ledger, random: () => number): Promise<void> => {
  const expires = random() < 0.1;
  const spec = {
    funcname: 'f',
    args: [Math.floor(random() * 1000)],
    priority: Math.floor(random() * 5),
    maxexectime: expires ? 1 : -1,
    maxretries: -1,
    conditions: { colonyname: COLONY, executortype: 'w' },
    ...(random() < 0.3 ? { env: { NAME: 'value' } } : {}),
  };
  const reply = await call(KEYS.user, 'submitfuncspecmsg', { spec });
  const id = String(reply?.['processid']);
  if (reply) ledger.submitted(id, expires);
  if (reply && random() < 0.05) {
    ledger.askEnd(id);
    if (await call(KEYS.user, 'cancelprocessmsg', { processid: id })) ledger.ended(id, 'cancelled');
  }
};

const finish = async (
  call: Call,
  ledger: Ledger,
  key: string,
  id: string,
  random: () => number,
) => {
  const how = pick(['close', 'close', 'close', 'fail', 'keep'], random);
  if (how === 'keep') return;
  ledger.askEnd(id);
  if (how === 'fail') {
    const failed = { processid: id, errors: ['no'] };
    if (await call(key, 'closefailedmsg', failed)) ledger.ended(id, 'failed');
    return;
  }
  const done = { processid: id, out: ['done', 7] };
  if (await call(key, 'closesuccessfulmsg', done)) ledger.ended(id, 'success', '["done",7]');
};

const work = async (call: Call, ledger: Ledger, worker: number, random: () => number) => {
  const key = keyOf(worker);
  const reply = await call(key, 'assignprocessmsg', { colonyname: COLONY, timeout: 1 });
  if (!reply) return;
  const id = String(reply['processid']);
  ledger.assigned(id, idOfKey(key));
  if (random() < 0.3) {
    const attribute = { targetid: id, attributetype: 1, key: 'k', value: 'v' };
    const added = await call(key, 'addattributemsg', { attribute });
    if (added) ledger.attribute(id, String(added['attributeid']));
  }
  if (random() < 0.3 && (await call(key, 'addlogmsg', { processid: id, message: 'line' }))) {
    ledger.logged(id);
  }
  await finish(call, ledger, key, id, random);
};

let administered = 0;
const administer = async (call: Call, ledger: Ledger): Promise<void> => {
  administered += 1;
  const key = String(100_000 + administered).padStart(64, '0');
  await addWorker(call, ledger, `extra-${administered}`, key);
};

const untilGone = async (step: () => Promise<void>): Promise<void> => {
  try {
    for (;;) await step();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
  }
};

/** Runs every client until the server is gone. */
export const runLoad = async (call: Call, ledger: Ledger, random: () => number): Promise<void> => {
  const submitters = Array.from({ length: SUBMITTERS }, () =>
    untilGone(() => submit(call, ledger, random)),
  );
  const workers = Array.from({ length: WORKERS }, (_, n) =>
    untilGone(() => work(call, ledger, n, random)),
  );
  await Promise.all([...submitters, ...workers, untilGone(() => administer(call, ledger))]);
};
