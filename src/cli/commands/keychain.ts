// `colonies keychain`: the private keys in ~/.colonies. No server is called.

import { type Command, command } from '../command.ts';
import { idOf } from '../identity.ts';
import { done } from '../report.ts';

const add = command({
  path: ['keychain', 'add'],
  summary: 'Store a private key under its id',
  examples: ['colonies keychain add --id $COLONIES_RUNTIMEID --prvkey $COLONIES_RUNTIMEPRVKEY'],
  flags: {
    id: { kind: 'string', help: 'Id of the identity', required: true },
    prvkey: { kind: 'string', help: 'Private key, 64 hex digits', required: true },
  },
  run: async (ctx, flags) => {
    const id = await idOf(flags.prvkey);
    ctx.keychain.put(flags.id, flags.prvkey);
    if (id !== flags.id) {
      ctx.log.warn('The private key belongs to another id', { ID: flags.id, idOfKey: id });
    }
    if (ctx.globals.json) ctx.json({ id: flags.id });
    return undefined;
  },
});

const get = command({
  path: ['keychain', 'get'],
  summary: 'Show the private key of an id',
  examples: ['colonies keychain get --id $COLONIES_RUNTIMEID'],
  flags: { id: { kind: 'string', help: 'Id of the identity', required: true } },
  run: (ctx, flags) => {
    const key = ctx.keychain.find(flags.id);
    if (key === undefined) throw new Error(`No private key found for identity ${flags.id}`);
    done(ctx, 'Private key found in keychain', { privateKey: key });
    return undefined;
  },
});

const generate = command({
  path: ['keychain', 'generate'],
  summary: 'Generate a private key and store it under its id',
  examples: ['colonies keychain generate', 'colonies keychain generate --json'],
  flags: {},
  run: async (ctx) => {
    const { generateKey } = await import('../../node/crypto/keys.ts');
    const key = generateKey(ctx.clock);
    const id = await idOf(key);
    ctx.keychain.put(id, key);
    done(ctx, 'Generated new private key and stored in keychain', { ID: id, privateKey: key });
    return undefined;
  },
});

export const commands: readonly Command[] = [add, get, generate];
