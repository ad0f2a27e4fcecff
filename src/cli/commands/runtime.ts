// `colonies runtime`: runtimes, the executors of 2022.

import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { tableTime } from '../duration.ts';
import { COLONY_OWNER_FLAGS, colonyRef, idOf } from '../identity.ts';
import { chooseKey, keepingKey } from '../new-key.ts';
import { decimals, figures } from '../process-figures.ts';
import type { AnyProcess } from '../process-view.ts';
import { done, listOf, showAscii } from '../report.ts';
import { asColonyOwner, memberElseOwner, type SignedCall } from '../session.ts';
import { checkSaid, readSpec } from '../spec-file.ts';
import type { Row } from '../table.ts';

interface Runtime {
  readonly runtimeid: string;
  readonly runtimetype: string;
  readonly name: string;
  readonly colonyid: string;
  readonly cpu: string;
  readonly cores: number;
  readonly mem: number;
  readonly gpu: string;
  readonly gpus: number;
  readonly state: number;
  readonly commissiontime: string;
  readonly lastheardfromtime: string;
}

const register = command({
  path: ['runtime', 'register'],
  summary: 'Register a runtime and keep its key in the keychain',
  details: 'A new runtime is pending: `colonies runtime approve` lets it in.',
  examples: ['colonies runtime register --spec examples/runtime.json --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    spec: { kind: 'string', help: 'JSON file that describes the runtime', required: true },
    runtimeprvkey: { kind: 'string', help: 'Private key of the runtime; a new one when not given' },
  },
  run: async (ctx, { runtimeprvkey, ...flags }) => {
    const file = readSpec(flags.spec);
    checkSaid(file, 'runtime', ['name', 'runtimetype']);
    const key = await chooseKey(ctx, runtimeprvkey);
    const runtimeid = await idOf(key);
    const { call, colony } = await asColonyOwner(ctx, flags);
    const runtime = { ...file, runtimeid, colonyid: colony };
    const added = await keepingKey(ctx, runtimeid, key, () => call('addruntimemsg', { runtime }));
    done(ctx, 'Runtime registered', { runtimeID: runtimeid, colonyID: colony }, added);
    return undefined;
  },
});

const STATES = ['Pending', 'Approved', 'Rejected'];
const SPANS = [
  { seconds: 600, text: '10 minutes' },
  { seconds: 3600, text: '1 hour' },
] as const;
const PROCESS_STATES = [0, 1, 2, 3] as const;

const figureRows = async (ctx: Context, call: SignedCall, runtime: Runtime): Promise<Row[]> => {
  const { colonyid, runtimeid } = runtime;
  const spans = await Promise.all(
    SPANS.map(async ({ seconds, text }) => {
      const history = await Promise.all(
        PROCESS_STATES.map((state) =>
          call<readonly AnyProcess[] | null>('getprocesshistmsg', {
            colonyid,
            runtimeid,
            seconds,
            state,
          }),
        ),
      );
      return { text, of: figures(history.flatMap(listOf), ctx.clock.now() * 1000) };
    }),
  );
  return [
    ...spans.map(({ text, of }) => [`Retries (${text})`, of.retries]),
    ...spans.map(({ text, of }) => [
      `Utilization (${text})`,
      `${decimals(of.utilizationPercent)}%`,
    ]),
    ...spans.map(({ text, of }) => [
      `AvgWaitingTime (${text})`,
      `${decimals(of.avgWaitingSeconds)}s`,
    ]),
    ...spans.map(({ text, of }) => [
      `AvgProcessingTime (${text})`,
      `${decimals(of.avgProcessingSeconds)}s`,
    ]),
  ];
};

const fullRows = async (ctx: Context, call: SignedCall, runtime: Runtime): Promise<Row[]> => [
  ['Name', runtime.name],
  ['ID', runtime.runtimeid],
  ['ColonyID', runtime.colonyid],
  ['State', STATES[runtime.state] ?? 'Unknown'],
  ['CommissionTime', tableTime(runtime.commissiontime)],
  ['LastHeardFrom', tableTime(runtime.lastheardfromtime)],
  ...(await figureRows(ctx, call, runtime)),
  ['CPU', runtime.cpu],
  ['Cores', runtime.cores],
  ['Mem [MiB]', runtime.mem],
  ['GPU', runtime.gpu],
  ['GPUs', runtime.gpus],
];

const ls = command({
  path: ['runtime', 'ls'],
  summary: 'List the runtimes of a colony',
  examples: [
    'colonies runtime ls --insecure',
    'colonies runtime ls --full --insecure',
    'colonies runtime ls --json --insecure',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...COLONY_OWNER_FLAGS,
    full: { kind: 'bool', help: 'Show everything about each runtime' },
    runtimeid: { kind: 'string', help: 'Runtime id' },
    runtimeprvkey: { kind: 'string', help: 'Private key of the runtime' },
  },
  run: async (ctx, flags) => {
    const colonyid = colonyRef(ctx, flags);
    // The histories behind --full are refused to a pending runtime: the owner's key may do.
    const { value: shown } = await memberElseOwner(ctx, flags, colonyid, async (call) => {
      const runtimes = listOf(
        await call<readonly Runtime[] | null>('getruntimesmsg', { colonyid }),
      );
      const full = flags.full && !ctx.globals.json ? runtimes : [];
      const tables = await Promise.all(full.map((runtime) => fullRows(ctx, call, runtime)));
      return { runtimes, tables };
    });
    if (ctx.globals.json) {
      ctx.json(shown.runtimes);
    } else if (flags.full) {
      for (const [i, rows] of shown.tables.entries()) {
        if (i > 0) ctx.out('\n');
        showAscii(ctx, rows);
      }
    } else {
      const rows = shown.runtimes.map(({ runtimeid, name, runtimetype }) => [
        runtimeid,
        name,
        runtimetype,
      ]);
      showAscii(ctx, rows, { header: ['ID', 'Name', 'Type'], alignNumbers: true });
    }
    return undefined;
  },
});

const change = (name: string, type: string, summary: string, text: string): Command =>
  command({
    path: ['runtime', name],
    summary,
    examples: [`colonies runtime ${name} --runtimeid $ID --insecure`],
    flags: {
      ...SERVER_FLAGS,
      ...COLONY_OWNER_FLAGS,
      runtimeid: { kind: 'string', help: 'Runtime id', required: true },
    },
    run: async (ctx, { runtimeid, ...flags }) => {
      const { call, colony } = await asColonyOwner(ctx, flags);
      await call(type, { runtimeid });
      done(ctx, text, { runtimeID: runtimeid, colonyID: colony });
      return undefined;
    },
  });

export const commands: readonly Command[] = [
  register,
  ls,
  change('approve', 'approveruntimemsg', 'Let a runtime in', 'Runtime approved'),
  change('reject', 'rejectruntimemsg', 'Shut a runtime out', 'Runtime rejected'),
  change('unregister', 'deleteruntimemsg', 'Unregister a runtime', 'Runtime unregistered'),
];
