// Which texts of messages are names: control characters and broken Unicode are refused in them, with
// the place, before anything changes; values stay free.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorld, type World } from '../support/world.ts';

let w: World;
beforeAll(async () => {
  w = await openWorld();
  await w.settle();
});
afterAll(async () => {
  expect(w.complaints()).toEqual([]);
  await w.close();
});

const CONDITIONS = { colonyname: 'dev', executortype: 'worker' };
const spec = (fields: object, conditions: object = {}) => ({
  spec: { ...fields, conditions: { ...CONDITIONS, ...conditions } },
});

const PLACES: readonly (readonly [string, string, (bad: string) => object])[] = [
  ['submitfuncspecmsg', 'spec.label', (label) => spec({ label })],
  ['submitfuncspecmsg', 'spec.funcname', (funcname) => spec({ funcname })],
  ['submitfuncspecmsg', 'spec.nodename', (nodename) => spec({ nodename })],
  ['submitfuncspecmsg', 'spec.channels.1', (channel) => spec({ channels: ['a', channel] })],
  ['submitfuncspecmsg', 'spec.env', (key) => spec({ env: { [key]: '' } })],
  [
    'submitfuncspecmsg',
    'spec.conditions.executornames.0',
    (one) => spec({}, { executornames: [one] }),
  ],
  [
    'submitfuncspecmsg',
    'spec.conditions.locationname',
    (locationname) => spec({}, { locationname }),
  ],
  ['submitprocessespecmsg', 'spec.env', (key) => ({ spec: { env: { [key]: '' } } })],
  ['addattributemsg', 'attribute.key', (key) => ({ attribute: { key } })],
  [
    'reportallocationmsg',
    'allocations.projects',
    (key) => ({ allocations: { projects: { [key]: {} } } }),
  ],
  ['addfunctionmsg', 'fun.args.0.name', (name) => ({ fun: { funcname: 'f', args: [{ name }] } })],
  ['addusermsg', 'user.email', (email) => ({ user: { name: 'u', email } })],
  ['addusermsg', 'user.phone', (phone) => ({ user: { name: 'u', phone } })],
];

describe.each(['a\u0000b', 'a\nb', '\u001b[31m', 'a\u009fb', '\ud800', 'b\udfff'])(
  'a name with %j',
  (bad) => {
    test.each(PLACES)('%s refuses as %s', async (type, place, fields) => {
      const before = w.engine.server.statistics();
      const { status, payload } = await w.send('alice', type, fields(bad));
      const where = place.replaceAll('.', '\\.');
      expect(payload.message).toMatch(
        new RegExp(`^${where}: contains control characters or broken Unicode$`),
      );
      expect(status).toBe(400);
      expect(w.engine.server.statistics()).toEqual(before);
    });
  },
);

test('values, descriptions and logs may hold any text', async () => {
  const any = 'a\u0000b\n\u001b[31m';
  const submitted = await w.submit('alice', {
    args: [any],
    kwargs: { [any]: any },
    env: { KEY: any, 'with spaces: ünïcode 😀': '' },
    label: 'a label: 1/2 "ünïcode" 😀',
  });
  const { spec } = await w.as('alice').getProcess({ processid: submitted.processid });
  expect([spec.args, spec.kwargs, spec.env['KEY']]).toEqual([[any], { [any]: any }, any]);
});
