// The key file of a private overlay.

import { readFile } from 'node:fs/promises';
import { fault } from '../node/errors.ts';

/** The key in a file: 64 hex digits, or a swarm key. Throws bad-request when it cannot be read. */
export const readSharedKey = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fault('bad-request', `Cannot read the key of the private overlay: ${why}`);
  }
};
