// The private key of an identity that is being registered: the given one, or a new one.

import type { Context } from './command.ts';

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
