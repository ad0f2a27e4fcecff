// Who takes part in the benchmark: keys that follow from a number, so that every process knows them.

import { createHash } from 'node:crypto';
import { bytesToHex } from '../dist/node/crypto/bytes.js';
import { loadEngine } from '../dist/node/crypto/engines.js';
import { sha3, sha3Hex } from '../dist/node/crypto/hash.js';

export const COLONY = 'bench';
export const TYPE = 'worker';

/** The fastest engine of this machine; the benchmark's own signatures are not what is measured. */
export const quickEngine = async () => {
  try {
    return await loadEngine('native');
  } catch {
    // Expected where there is no binary: the load generator then takes a larger share.
    return loadEngine('wasm');
  }
};

/** @param {string} name */
const keyOf = (name) => new Uint8Array(createHash('sha256').update(`bench ${name}`).digest());

/**
 * A key and its id, the latter through recovery: ten times faster than the reference curve.
 * @param {string} name
 * @param {import('../dist/node/crypto/engine.js').Engine} engine
 */
export const person = (name, engine) => {
  const key = keyOf(name);
  const digest = sha3(name);
  const { rs, v } = engine.sign(digest, key);
  const publicKey = engine.recover(digest, rs, v);
  if (publicKey === undefined) throw new Error(`no key for ${name}`);
  return { name, key, id: sha3Hex(bytesToHex(publicKey)) };
};

/** @param {number} i */
export const workerName = (i) => `worker-${i}`;

/**
 * A specification of common size (about 800 bytes as stored), another one for every number.
 * @param {number} i
 * @param {readonly string[]} [names] Executors that alone may take it.
 */
export const specOf = (i, names = []) => ({
  nodename: '',
  funcname: 'transform',
  args: [`s3://bucket/input/${i}`, i],
  kwargs: { threshold: 0.25, mode: 'fast', note: 'x'.repeat(160) },
  priority: 0,
  maxwaittime: -1,
  maxexectime: 3600,
  maxretries: 3,
  conditions: {
    colonyname: COLONY,
    executornames: names,
    executortype: TYPE,
    dependencies: [],
    nodes: 1,
    cpu: '500m',
    processes: 1,
    processespernode: 1,
    mem: '512Mi',
    storage: '',
    gpu: { name: '', mem: '', count: 0, nodecount: 0 },
    walltime: 60,
  },
  label: 'bench',
  fs: { mount: '', snapshots: null, dirs: null },
  env: {},
  channels: [],
});

/**
 * The body of one signed call.
 * @param {import('../dist/node/crypto/engine.js').Engine} engine
 * @param {Uint8Array} key
 * @param {Record<string, unknown> & { msgtype: string }} msg
 */
export const signedBody = (engine, key, msg) => {
  const payload = Buffer.from(JSON.stringify(msg)).toString('base64');
  const { rs, v } = engine.sign(sha3(payload), key);
  const signature = `${Buffer.from(rs).toString('hex')}0${v}`;
  return `{"payloadtype":"${msg.msgtype}","payload":"${payload}","signature":"${signature}"}`;
};
