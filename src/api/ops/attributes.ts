// Operations on the attributes of processes.

import { Attribute, AttributeMsg } from '../../node/model/attribute.ts';
import { attributeWire } from '../../node/model/process.ts';
import { struct, text } from '../../node/model/wire.ts';
import { op } from '../op.ts';
import { wrong } from './wrong.ts';

export const addAttribute = op({
  type: 'addattributemsg',
  doc: 'Sets an attribute of a running process. Only the assigned executor may; there is no update.',
  kind: 'write',
  wrong: wrong('Failed to add attribute'),
  msg: struct({ attribute: AttributeMsg }),
  needs: ['attribute'],
  reply: Attribute,
  allow: {
    who: 'member',
    process: (m) => m.attribute.targetid,
    named: (m) => m.attribute.targetcolonyname,
    missing: { text: () => 'Failed to add attribute, process not found' },
  },
  says: {
    'not-running': 'Failed to add attribute, process is not running',
    caller: (_m, _fault, process) =>
      `Failed to add attribute, only executor with id <${process?.executorid}> is allowed to set attributes`,
    duplicate: (m) => `Failed to add attribute, <${m.attribute.key}> already exists`,
  },
  run: async (cx, m) => {
    const { attributetype, key, value } = m.attribute;
    const { attribute, process } = await cx.engine.attributes.add(cx.process, cx.caller, {
      type: attributetype,
      key,
      value,
    });
    return attributeWire(attribute, process, cx.name);
  },
});

export const getAttribute = op({
  type: 'getattributemsg',
  doc: 'Gives one attribute.',
  kind: 'read',
  wrong: wrong('Failed to get attribute'),
  msg: struct({ attributeid: text() }),
  needs: ['attributeid'],
  reply: Attribute,
  allow: {
    who: 'member',
    at: (m) => ({ other: m.attributeid }),
    find: (m, engine) => {
      const it = engine.attributes.find(m.attributeid);
      const colony = it && engine.colonies.byNo(it.process.colony);
      return colony && { colony, it };
    },
    missing: { code: 'bad-request', text: () => 'Attribute does not exists' },
  },
  run: (cx) => attributeWire(cx.it.attribute, cx.it.process, cx.name),
});
