// What the clients of this machine remember about a colony, in the folder `federation` of the
// keychain: its
// network, the nodes that answered, and the records that were verified.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Store } from '../../federation/ports.ts';
import type { Keychain } from '../keychain.ts';
import { fileStore, writeWhole } from './file-store.ts';

const Pin = z.strictObject({
  /** The network in which the colony was found. */
  network: z.string(),
  /** Nodes that answered, as they were named. */
  bootstraps: z.array(z.string()),
});
export type Pin = z.output<typeof Pin>;

export interface ColonyMemory {
  /** Undefined when the colony was never attached to from here. */
  pin(): Pin | undefined;
  /** Keeps the network and the nodes that answered, those first. */
  remember(network: string, answered: readonly string[]): void;
  openStore(network: string): Store;
}

const BOOTSTRAPS_MAX = 8;

const same = (a: Pin, b: Pin): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The memory of one colony; files are made when there is something to keep. */
export const colonyMemory = (
  keychain: Pick<Keychain, 'folder'>,
  colonyid: string,
): ColonyMemory => {
  const folder = join(keychain.folder, 'federation');
  const file = join(folder, `${colonyid}.json`);

  const pin = (): Pin | undefined => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      // Expected before the first time.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return Pin.parse(JSON.parse(text));
    } catch (error) {
      throw new Error(`${file} is damaged; remove it`, { cause: error });
    }
  };

  return {
    pin,
    remember: (network, answered) => {
      const before = pin();
      const others = before?.network === network ? before.bootstraps : [];
      const bootstraps = [...new Set([...answered, ...others])].slice(0, BOOTSTRAPS_MAX);
      const next = { network, bootstraps };
      if (before === undefined || !same(before, next)) writeWhole(file, JSON.stringify(next));
    },
    openStore: (network) => fileStore(join(folder, `${colonyid}.${network}.records.json`)),
  };
};
