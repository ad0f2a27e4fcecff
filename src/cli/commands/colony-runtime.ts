// `colonies colony register | unregister | status`: colonies in the words of 2022.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { colonyRef, idOf, SERVER_OWNER_FLAGS } from '../identity.ts';
import { chooseKey, keepingKey } from '../new-key.ts';
import { decimals, figures } from '../process-figures.ts';
import type { AnyProcess } from '../process-view.ts';
import { done, listOf, showAscii } from '../report.ts';
import { asServerOwner, memberElseOwner } from '../session.ts';
import { checkSaid, readSpec } from '../spec-file.ts';

const register = command({
  path: ['colony', 'register'],
  summary: 'Register a colony and keep the key of its owner in the keychain',
  details: 'The id of the colony is the id of the key; an id in the file is ignored.',
  examples: ['colonies colony register --spec examples/colony.json --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    spec: { kind: 'string', help: 'JSON file with the name of the colony', required: true },
    colonyprvkey: { kind: 'string', help: 'Private key of the owner; a new one when not given' },
  },
  run: async (ctx, { colonyprvkey, spec, ...flags }) => {
    const file = readSpec(spec);
    checkSaid(file, 'colony', ['name']);
    const key = await chooseKey(ctx, colonyprvkey);
    const colonyid = await idOf(key);
    const { call } = await asServerOwner(ctx, flags);
    const added = await keepingKey(ctx, colonyid, key, () =>
      call('addcolonymsg', { colony: { ...file, colonyid } }),
    );
    done(ctx, 'Colony registered', { colonyID: colonyid }, added);
    return undefined;
  },
});

const unregister = command({
  path: ['colony', 'unregister'],
  summary: 'Unregister a colony',
  examples: ['colonies colony unregister --colonyid $COLONIES_COLONYID --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    colonyid: { kind: 'string', help: 'Colony id', required: true },
  },
  run: async (ctx, flags) => {
    const { call } = await asServerOwner(ctx, flags);
    await call('deletecolonymsg', { colonyid: flags.colonyid });
    done(ctx, 'Colony unregistered', { colonyID: flags.colonyid });
    return undefined;
  },
});

const HOUR_SECONDS = 3600;
const STATES = [0, 1, 2, 3] as const;

interface Stat {
  readonly waiting: number;
  readonly running: number;
  readonly success: number;
  readonly failed: number;
}

const status = command({
  path: ['colony', 'status'],
  summary: 'Show the process statistics of a colony',
  examples: ['colonies colony status --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...SERVER_OWNER_FLAGS,
    colonyid: { kind: 'string', help: 'Colony id' },
    colonyprvkey: { kind: 'string', help: 'Private key of the colony owner' },
    runtimeid: { kind: 'string', help: 'Runtime id' },
    runtimeprvkey: { kind: 'string', help: 'Private key of the runtime' },
  },
  run: async (ctx, flags) => {
    const colonyid = colonyRef(ctx, flags);
    const { value: stat, call } = await memberElseOwner(ctx, flags, colonyid, (ask) =>
      ask<Stat>('getprocstatmsg', { colonyid }),
    );
    const runtimes = listOf(await call<readonly unknown[] | null>('getruntimesmsg', { colonyid }));
    const history = await Promise.all(
      STATES.map((state) => {
        const fields = { colonyid, runtimeid: '', seconds: HOUR_SECONDS, state };
        return call<readonly AnyProcess[] | null>('getprocesshistmsg', fields);
      }),
    );
    const hour = figures(history.flatMap(listOf), ctx.clock.now() * 1000);
    if (ctx.globals.json) {
      ctx.json({ colonyid, ...stat, runtimes: runtimes.length, lasthour: hour });
      return undefined;
    }
    ctx.out('Process statistics:\n');
    showAscii(ctx, [
      ['Waiting processes', stat.waiting],
      ['Running processes ', stat.running],
      ['Successful processes', stat.success],
      ['Runtimes', runtimes.length],
      ['Failed', stat.failed],
      ['Retries (1 hour)', hour.retries],
      ['Utilization (1 hour)', `${decimals(hour.utilizationPercent)}%`],
      ['Avg waiting time (1 h)', `${decimals(hour.avgWaitingSeconds)}s`],
      ['Avg processing time (1 h)', `${decimals(hour.avgProcessingSeconds)}s`],
    ]);
    return undefined;
  },
});

export const commands: readonly Command[] = [register, unregister, status];
