// `colonies process get`: one process, as four tables of either vocabulary, as JSON, or its output
// only.

import { type Command, type Context, command, SERVER_FLAGS } from '../command.ts';
import { EXIT, ServerError } from '../errors.ts';
import { MEMBER_FLAGS } from '../identity.ts';
import {
  type AnyProcess,
  attributeRows,
  conditionRows,
  conditionRowsToday,
  processRows,
  processRowsToday,
  specRows,
  specRowsToday,
} from '../process-view.ts';
import { showAscii, showRounded } from '../report.ts';
import { asMember, inEitherWords } from '../session.ts';
import { outputOf } from '../wait.ts';

const showRuntime = (ctx: Context, process: AnyProcess): void => {
  ctx.out('Process:\n');
  showAscii(ctx, processRows(process, ctx.clock.now() * 1000));
  ctx.out('\nProcessSpec:\n');
  showAscii(ctx, specRows(process));
  ctx.out('\nConditions:\n');
  showAscii(ctx, conditionRows(process));
  ctx.out('\nAttributes:\n');
  showAscii(ctx, attributeRows(process), { header: ['ID', 'Key', 'Value', 'Type'] });
};

const showExecutor = (ctx: Context, process: AnyProcess): void => {
  const rows = processRowsToday(process, ctx.clock.now() * 1000);
  showRounded(ctx, rows, { title: 'Process' });
  showRounded(ctx, specRowsToday(process), { title: 'Function Specification' });
  showRounded(ctx, conditionRowsToday(process), { title: 'Conditions' });
  const header = ['AttributeId', 'Key', 'Value', 'Type'];
  showRounded(ctx, attributeRows(process), { title: 'Attributes', header });
};

const get = command({
  path: ['process', 'get'],
  summary: 'Show a process',
  examples: [
    'colonies process get --processid $ID --insecure',
    'colonies process get -p $ID --json',
    'colonies process get -p $ID --out',
  ],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    processid: { kind: 'string', short: 'p', help: 'Process id', required: true },
    output: { kind: 'bool', help: 'Print only the output' },
    out: { kind: 'bool', help: 'As --output' },
  },
  run: async (ctx, flags) => {
    const { processid } = flags;
    let session = await asMember(ctx, flags);
    let process: AnyProcess;
    try {
      ({ session, value: process } = await inEitherWords(session, ({ call, words }) =>
        call<AnyProcess>('getprocessmsg', { processid, ...words }),
      ));
    } catch (error) {
      // The 2022 text for every refusal; what the server said goes beside it.
      if (!(error instanceof ServerError) || session.vocabulary !== 'runtime') throw error;
      ctx.log.warn('Process not found', { err: error.message });
      return EXIT.failed;
    }
    if (ctx.globals.json) ctx.json(process);
    else if (flags.output || flags.out) ctx.out(outputOf(process));
    else if (session.vocabulary === 'runtime') showRuntime(ctx, process);
    else showExecutor(ctx, process);
    return undefined;
  },
});

export const commands: readonly Command[] = [get];
