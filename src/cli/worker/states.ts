// What workers on this machine leave on disk: one file per worker, readable by its owner only,
// named by the runtime id. The private key stands in the keychain under the same id.

import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isId } from '../../node/crypto/ids.ts';
import { makeFolder } from '../../node/folder.ts';
import type { Keychain } from '../keychain.ts';

const WorkerState = z.strictObject({
  runtimeid: z.string(),
  name: z.string(),
  type: z.string(),
  colonyid: z.string(),
  host: z.string(),
  port: z.number(),
  tls: z.boolean(),
  /** The worker that runs under this identity; absent when it was only registered. */
  pid: z.number().optional(),
  /** Hosts of the colony where it is registered, when it found them by the colony's id. */
  servers: z.array(z.string()).optional(),
});
export type WorkerState = z.output<typeof WorkerState>;

export interface WorkerStates {
  /** The file of a worker. */
  fileOf(runtimeid: string): string;
  /** The file of its private key, in the keychain. */
  keyFileOf(runtimeid: string): string;
  /** Writes the state and the key; other workers are not touched. */
  put(state: WorkerState, prvkey: string): void;
  /** Workers of a colony, by name. Throws when a file was damaged, naming it. */
  list(colonyid: string): readonly WorkerState[];
  /** Removes state and key; nothing happens when they are gone already. */
  remove(runtimeid: string): void;
}

const ENDING = '.json';

/** The states in the folder `workers` of the keychain. */
export const openWorkerStates = (keychain: Pick<Keychain, 'folder' | 'put'>): WorkerStates => {
  const folder = join(keychain.folder, 'workers');
  const fileOf = (runtimeid: string): string => join(folder, `${runtimeid}${ENDING}`);

  const keyFileOf = (runtimeid: string): string => join(keychain.folder, runtimeid);

  const read = (file: string): WorkerState => {
    try {
      return WorkerState.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      throw new Error(`${file} is damaged; remove it`, { cause: error });
    }
  };

  const names = (): string[] => {
    try {
      return readdirSync(folder);
    } catch (error) {
      // Expected before the first worker.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };

  return {
    fileOf,
    keyFileOf,
    put: (state, prvkey) => {
      keychain.put(state.runtimeid, prvkey);
      makeFolder(folder, 0o700);
      const file = fileOf(state.runtimeid);
      // Renamed into place: nobody sees half a file.
      writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
    list: (colonyid) =>
      names()
        .filter((name) => name.endsWith(ENDING) && isId(name.slice(0, -ENDING.length)))
        .map((name) => read(join(folder, name)))
        .filter((state) => state.colonyid === colonyid)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    remove: (runtimeid) => {
      rmSync(fileOf(runtimeid), { force: true });
      rmSync(keyFileOf(runtimeid), { force: true });
    },
  };
};
