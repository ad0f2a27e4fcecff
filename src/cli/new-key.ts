// The private key of an identity that is being registered: the given one, or a new one.

import type { Context } from './command.ts';
import { ServerError } from './errors.ts';

const KEY_DIGITS = 64;

/** `prvkey` after the documented check of its length, or a new key. */
export const chooseKey = async (
  ctx: Pick<Context, 'clock'>,
  prvkey: string | undefined,
): Promise<string> => {
  if (prvkey !== undefined && prvkey !== '') {
    if (prvkey.length !== KEY_DIGITS) throw new Error('invalid private key length');
    return prvkey;
  }
  const { generateKey } = await import('../node/crypto/keys.ts');
  return generateKey(ctx.clock);
};

const SERVER_FAILURE = 500;

/**
 * Registers an identity whose key stays in the keychain. Stored first: a registered identity whose
 * key was lost could never be used. One that the server refused needs no key; without a clear
 * answer it may be registered.
 */
export const keepingKey = async <T>(
  { keychain }: Pick<Context, 'keychain'>,
  id: string,
  prvkey: string,
  register: () => Promise<T>,
): Promise<T> => {
  const wasThere = keychain.find(id) !== undefined;
  keychain.put(id, prvkey);
  try {
    return await register();
  } catch (error) {
    const isRefused = error instanceof ServerError && error.status < SERVER_FAILURE;
    if (isRefused && !wasThere) keychain.remove(id);
    throw error;
  }
};
