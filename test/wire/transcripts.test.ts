// Recorded traffic of the original server, replayed against ours.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { differences } from './compare.ts';
import { DEVIATIONS, explain, STATUS_FIXES } from './deviations.ts';
import { SAMPLE_KEYS } from './identities.ts';
import { type ReplayNode, serves, startReplayNode } from './node.ts';
import { type Probe, probes } from './probe.ts';
import { envelope, payloadOf, replay } from './replay.ts';
import { exchanges } from './transcript.ts';

let node: ReplayNode;
beforeEach(async () => {
  node = await startReplayNode();
});
afterEach(async () => {
  await node.close();
});

const addSampleColony = (): Promise<unknown> =>
  node.call(
    envelope(
      'addcolonymsg',
      {
        msgtype: 'addcolonymsg',
        colony: {
          colonyid: '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4',
          name: 'test',
        },
      },
      SAMPLE_KEYS.server,
    ),
  );

describe('the recorded command line', () => {
  test('gets the answers that the original gave', async () => {
    const report = await replay(exchanges('cli.jsonl'), serves, node.call);
    expect(report.failures).toEqual([]);
    expect(report.exchanges).toBe(64);
    expect(report.compared.size).toBe(36);
  });
});

describe('the recorded Python client', () => {
  test('gets the answers that the original gave', async () => {
    const report = await replay(exchanges('py.jsonl'), serves, node.call);
    expect(report.failures).toEqual([]);
    expect(report.exchanges).toBe(210);
    expect(report.compared.size).toBe(26);
  });
});

const probeOf = async ({ name }: Probe): Promise<{ status: number; payload: unknown }> => {
  const unsigned = ['versionmsg', 'getserverinfomsg'].includes(name);
  const key = unsigned ? undefined : SAMPLE_KEYS.server;
  const { status, body } = await node.call(envelope(name, { msgtype: name }, key));
  return { status, payload: payloadOf(body) };
};

const RECORDED_MAX = 200;

/** Messages of 2022: the recorded server refused them, this one serves them. */
const SERVED_AGAIN = [
  'addruntimemsg',
  'approveruntimemsg',
  'deleteallprocessesmsg',
  'deletecolonymsg',
  'deleteprocessmsg',
  'deleteruntimemsg',
  'getprocstatmsg',
  'getruntimemsg',
  'getruntimesmsg',
  'rejectruntimemsg',
  'submitprocessespecmsg',
];

describe('messages with nothing but their type', () => {
  const known = probes().filter(({ section, name }) => section === 'KNOWN' && serves(name));

  test('cover every message of the table that the recording has', () => {
    expect(known.length).toBe(50);
  });

  test.each(known)('$name is refused as recorded', async (probe) => {
    await addSampleColony();
    const { status, payload } = await probeOf(probe);
    const fix = STATUS_FIXES[probe.name];
    const wanted = fix?.[0] === probe.status ? fix[1] : probe.status;
    expect(status).toBe(wanted);
    // The recording kept 200 characters; longer replies are compared by the transcripts.
    if (probe.payload === '' || probe.payload.length >= RECORDED_MAX) return;
    const recorded = JSON.parse(probe.payload) as Record<string, unknown>;
    if (wanted !== 200) {
      expect(payload).toEqual({ ...recorded, status: wanted });
      return;
    }
    const left = differences(recorded, payload, () => undefined)
      .filter((difference) => explain(probe.name, difference) === undefined)
      .filter(({ path }) => !/^(executors|(running|successful|failed)processes)$/.test(path));
    expect(left).toEqual([]);
  });

  const unknown = probes().filter(({ section }) => section === 'UNKNOWN');
  test.each(unknown)('$name is unknown unless 2022 had it', async (probe) => {
    const { status, payload } = await probeOf(probe);
    if (SERVED_AGAIN.includes(probe.name)) {
      expect((payload as { message?: string }).message ?? '').not.toMatch(/^invalid rpcMsg/);
      return;
    }
    expect(status).toBe(probe.status);
    expect(payload).toEqual(JSON.parse(probe.payload));
  });
});

describe('odd envelopes', () => {
  const message = async (body: string): Promise<unknown> => {
    const { status, body: reply } = await node.call(body);
    return [status, (payloadOf(reply) as { message?: string }).message];
  };
  const raw = (payloadtype: string, text: string, signature = ''): string =>
    JSON.stringify({ payloadtype, payload: Buffer.from(text).toString('base64'), signature });

  const recorded = new Map(probes().map((probe) => [probe.name, probe]));
  const wanted = (name: string): unknown => {
    const probe = recorded.get(name);
    return [probe?.status, (JSON.parse(probe?.payload ?? '{}') as { message?: string }).message];
  };

  test('are refused in the words of the original', async () => {
    const { server } = SAMPLE_KEYS;
    expect(await message('')).toEqual(wanted('empty body'));
    expect(await message('hello')).toEqual(wanted('not json'));
    expect(await message(envelope('getcoloniesmsg', { msgtype: 'x' }, server))).toEqual(
      wanted('payload type mismatch'),
    );
    expect(await message(envelope('getcoloniesmsg', {}, server))).toEqual(
      wanted('msgtype missing'),
    );
    expect(await message(raw('getcoloniesmsg', '{"msgtype":"getcoloniesmsg"}'))).toEqual(
      wanted('no signature'),
    );
    expect(
      await message(raw('getcoloniesmsg', '{"msgtype":"getcoloniesmsg"}', 'I am no signature')),
    ).toEqual(wanted('bad signature text'));
    const stranger = '0'.repeat(63).concat('7');
    expect(
      await message(envelope('getcoloniesmsg', { msgtype: 'getcoloniesmsg' }, stranger)),
    ).toEqual(wanted('wrong key'));
  });

  test('unsigned messages take any signature', async () => {
    const answer = await node.call(
      raw('versionmsg', '{"msgtype":"versionmsg"}', 'Invalid private key length'),
    );
    expect(answer.status).toBe(200);
  });

  test('names match in any case and unknown fields are ignored', async () => {
    const request = {
      MsgType: 'addcolonymsg',
      Colony: { ColonyId: 'a'.repeat(64), NAME: 'ci', more: 1 },
    };
    const answer = await node.call(envelope('addcolonymsg', request, SAMPLE_KEYS.server));
    expect(payloadOf(answer.body)).toEqual({ colonyid: 'a'.repeat(64), name: 'ci' });
  });
});

test('every listed deviation has a reason', () => {
  expect(DEVIATIONS.filter(({ reason }) => reason.length < 20)).toEqual([]);
});
