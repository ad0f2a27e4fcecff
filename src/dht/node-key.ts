// The node's own key: a secp256k1 private key in one file of the data folder, as 64 hex digits.
// libp2p sessions and records are signed with the same key. Must not load libp2p: the CLI reads
// keys too.

import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../node/clock.ts';
import { generateKey, publicKeyHex } from '../node/crypto/keys.ts';
import { fault } from '../node/errors.ts';

export interface NodeKey {
  /** 64 lower-case hex digits. */
  readonly privateKey: string;
  /** Uncompressed, 130 lower-case hex digits. */
  readonly publicKey: string;
}

/** The key pair of a private key (64 hex digits); throws `bad-request` when it is none. */
export const nodeKey = (privateKey: string): NodeKey => ({
  privateKey: privateKey.toLowerCase(),
  publicKey: publicKeyHex(privateKey),
});

const isCode = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === code;

/**
 * Writes beside and links into place: a crash leaves no half key, a second starter finds the
 * first's.
 */
const create = async (path: string, clock: Pick<Clock, 'random' | 'newId'>): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${clock.newId().slice(0, 16)}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${generateKey(clock)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    // Another process of the same node was first: its key is the key.
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
};

/**
 * The key in the file `path`, which is made (mode 0600) when it is missing and narrowed to 0600
 * when others could read it. Throws `internal` when the file holds no key: it is never
 * overwritten.
 */
export const openNodeKey = async (
  path: string,
  clock: Pick<Clock, 'random' | 'newId'>,
): Promise<NodeKey> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    // First start: there is no key yet.
    if (!isCode(error, 'ENOENT')) throw error;
    await create(path, clock);
    text = await readFile(path, 'utf8');
  }
  await chmod(path, 0o600);
  try {
    return nodeKey(text.trim());
  } catch {
    // Named here without the file's content, which may be most of a key.
    throw fault(
      'internal',
      'the node key file is damaged: restore it from a backup or move it away',
    );
  }
};
