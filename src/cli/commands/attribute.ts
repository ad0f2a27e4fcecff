// `colonies attribute`: key-value pairs on processes, in either vocabulary.

import { type Command, command, SERVER_FLAGS } from '../command.ts';
import { MEMBER_FLAGS } from '../identity.ts';
import { type AnyAttribute, type AnyProcess, attributeTypeText } from '../process-view.ts';
import { done, showAscii, showRounded } from '../report.ts';
import { asColonyMember, asMember, inEitherWords } from '../session.ts';
import { cut } from '../wrap.ts';

/** Attributes set from the command line are results: type OUT. */
const TYPE_OUT = 1;
const TEXT_COLUMNS = 30;

const add = command({
  path: ['attribute', 'add'],
  summary: 'Add an attribute to a process that the caller runs',
  examples: ['colonies attribute add --key result --value 42 --processid $ID --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    key: { kind: 'string', help: 'Name', required: true },
    value: { kind: 'string', help: 'Value', required: true },
    processid: { kind: 'string', short: 'p', help: 'Process id', required: true },
  },
  run: async (ctx, flags) => {
    const { vocabulary, call, colony, words } = await asColonyMember(ctx, flags);
    const { processid, key, value } = flags;
    const attribute = { targetid: processid, attributetype: TYPE_OUT, key, value };
    if (vocabulary === 'runtime') {
      const added = await call<AnyAttribute>('addattributemsg', {
        attribute: { ...attribute, targetcolonyid: colony },
      });
      done(ctx, 'Attribute added', { attributeID: added.attributeid }, added);
      return undefined;
    }
    await call<AnyProcess>('getprocessmsg', { processid, ...words });
    const added = await call<AnyAttribute>('addattributemsg', {
      attribute: { ...attribute, targetcolonyname: colony },
    });
    done(ctx, 'Attribute added', { AttributeID: added.attributeid }, added);
    return undefined;
  },
});

const get = command({
  path: ['attribute', 'get'],
  summary: 'Show an attribute',
  examples: ['colonies attribute get --attributeid $ID --insecure'],
  flags: {
    ...SERVER_FLAGS,
    ...MEMBER_FLAGS,
    attributeid: { kind: 'string', help: 'Attribute id', required: true },
  },
  run: async (ctx, flags) => {
    const { attributeid } = flags;
    const { value: found, session } = await inEitherWords(
      await asMember(ctx, flags),
      ({ call, words }) => call<AnyAttribute>('getattributemsg', { attributeid, ...words }),
    );
    if (ctx.globals.json) {
      ctx.json(found);
      return undefined;
    }
    const rows = [
      ['ID', found.attributeid],
      ['TargetID', found.targetid],
      ['AttributeType', attributeTypeText(found.attributetype)],
      ['Key', cut(found.key, TEXT_COLUMNS)],
      ['Value', cut(found.value, TEXT_COLUMNS)],
    ];
    if (session.vocabulary === 'runtime') showAscii(ctx, rows);
    else showRounded(ctx, rows);
    return undefined;
  },
});

export const commands: readonly Command[] = [add, get];
