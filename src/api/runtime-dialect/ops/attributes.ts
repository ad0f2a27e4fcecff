// Messages of 2022 about attributes: set by the assigned runtime, read by members.

import type { Engine } from '../../../node/engine/engine.ts';
import { fault } from '../../../node/errors.ts';
import type { ProcessRow } from '../../../node/model/process.ts';
import { struct, text } from '../../../node/model/wire.ts';
import { given, op } from '../../op.ts';
import { RuntimeAttribute, RuntimeAttributePointer } from '../shapes.ts';
import { attributeWire2022, ENV_2022 } from '../translate/process.ts';
import { duplicate, NIL, WRONG } from '../wrong.ts';

const NO_ATTRIBUTE = 'msg.Attribute is nil';

const onlyAssigned = (process: ProcessRow | undefined): string =>
  `only runtime with id <${process?.executorid ?? ''}> is allowed to set attributes`;

export const addAttribute = op({
  type: 'addattributemsg',
  doc: 'Sets an attribute of a process, also after it was closed; the same key and type again replaces the value. Only the assigned runtime may.',
  kind: 'write',
  wrong: WRONG,
  msg: struct({ attribute: RuntimeAttributePointer }),
  needs: ['attribute'],
  reply: RuntimeAttribute,
  allow: {
    who: 'member',
    process: (m) => given(m.attribute, NO_ATTRIBUTE).targetid,
    missing: NIL.process,
  },
  says: {
    'not-running': (_m, _fault, process) => onlyAssigned(process),
    caller: (_m, _fault, process) => onlyAssigned(process),
    duplicate: duplicate('attributes'),
  },
  run: async (cx, m) => {
    const { key, value, attributetype } = given(m.attribute, NO_ATTRIBUTE);
    const { process, caller } = cx;
    // What was submitted stays as it was submitted.
    const submitted = attributetype === ENV_2022 && Object.hasOwn(process.spec.env, key);
    if (submitted && process.executorid === caller) {
      throw fault('conflict', duplicate('attributes'), { reason: 'duplicate' });
    }
    const wanted = { type: attributetype, key, value };
    const added = await cx.engine.attributes.add(process, caller, wanted, true);
    return attributeWire2022(added.attribute, added.process, cx.colony);
  },
});

export const getAttribute = op({
  type: 'getattributemsg',
  doc: 'Gives one attribute.',
  kind: 'read',
  wrong: WRONG,
  msg: struct({ attributeid: text() }),
  needs: ['attributeid'],
  reply: RuntimeAttribute,
  allow: {
    who: 'member',
    at: (m) => ({ other: m.attributeid }),
    find: (m, engine: Engine) => {
      const it = engine.attributes.find(m.attributeid);
      const colony = it && engine.colonies.byNo(it.process.colony);
      return colony && { colony, it };
    },
    missing: NIL.attribute,
  },
  run: (cx) => attributeWire2022(cx.it.attribute, cx.it.process, cx.colony),
});
