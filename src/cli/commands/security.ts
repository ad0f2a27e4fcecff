// `colonies security`: private keys and ids, without storing anything.

import { type Command, command } from '../command.ts';
import { usageProblem } from '../errors.ts';
import { idOf } from '../identity.ts';
import { done } from '../report.ts';

const generate = command({
  path: ['security', 'generate'],
  summary: 'Generate a private key and show it with its id',
  details: 'Nothing is stored; `colonies keychain generate` stores the key as well.',
  examples: ['colonies security generate'],
  flags: {},
  run: async (ctx) => {
    const { generateKey } = await import('../../node/crypto/keys.ts');
    const key = generateKey(ctx.clock);
    done(ctx, 'Generated new private key', { Id: await idOf(key), PrvKey: key });
    return undefined;
  },
});

const id = command({
  path: ['security', 'id'],
  summary: 'Show the id of a private key',
  examples: ['colonies security id --prvkey $COLONIES_RUNTIMEPRVKEY'],
  flags: {
    prvkey: { kind: 'string', help: 'Private key; COLONIES_PRVKEY when it is not given' },
  },
  run: async (ctx, flags) => {
    const key = flags.prvkey ?? ctx.env.COLONIES_PRVKEY ?? ctx.env.COLONIES_RUNTIMEPRVKEY;
    if (key === undefined) throw usageProblem('required flag(s) "prvkey" not set');
    done(ctx, 'Corresponding Id for the given private key', { Id: await idOf(key) });
    return undefined;
  },
});

export const commands: readonly Command[] = [generate, id];
