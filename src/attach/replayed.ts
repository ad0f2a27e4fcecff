// The reply of a call that had taken effect before it was repeated: the host says 409 and names
// what the first
// one made, the caller gets what it would have got.

import type { Letter } from '../api/client/courier.ts';
import type { Host } from '../federation/resolve.ts';
import { base64ToText, textToBase64 } from '../node/crypto/bytes.ts';
import { parseJson, stringifyJson } from '../node/model/json.ts';
import type { Deliver, Delivered, Delivery } from './deliver.ts';

const REPLAYED = 409;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The payload of a reply's body; undefined when there is none. */
export const payloadOf = (body: string): unknown => {
  try {
    const reply: unknown = JSON.parse(body);
    const payload = isRecord(reply) ? reply['payload'] : undefined;
    return typeof payload === 'string' ? parseJson(base64ToText(payload)) : undefined;
  } catch {
    // SyntaxError: not JSON, so no reply.
    return undefined;
  }
};

const madeBy = (body: string): string => {
  const payload = payloadOf(body);
  const made = isRecord(payload) ? payload['made'] : undefined;
  return typeof made === 'string' ? made : '';
};

type Naming = Readonly<Record<string, unknown>>;

/** How a message named its colony, for a reply in the same words. */
const namingOf = (part: unknown, id: string, name: string): Naming => {
  if (!isRecord(part)) return {};
  return { colonyid: part[id], colonyname: part[name] };
};

type Read = Pick<Letter, 'payloadtype' | 'fields'>;

const readProcess = (fields: Record<string, unknown>, processid: string): Read => {
  const { spec } = fields;
  const conditions = isRecord(spec) ? spec['conditions'] : undefined;
  const naming = namingOf(conditions, 'colonyid', 'colonyname');
  return { payloadtype: 'getprocessmsg', fields: { ...naming, processid } };
};

const readAttribute = (fields: Record<string, unknown>, attributeid: string): Read => {
  const naming = namingOf(fields['attribute'], 'targetcolonyid', 'targetcolonyname');
  return { payloadtype: 'getattributemsg', fields: { ...naming, attributeid } };
};

// Replies that show what was made are read; those that show what was sent are that; others are
// empty.
const READS: Readonly<Record<string, typeof readProcess>> = {
  submitfuncspecmsg: readProcess,
  submitprocessespecmsg: readProcess,
  addattributemsg: readAttribute,
};
const ECHOES: Readonly<Record<string, string>> = {
  addcolonymsg: 'colony',
  addexecutormsg: 'executor',
  addruntimemsg: 'runtime',
  addusermsg: 'user',
  addfunctionmsg: 'fun',
};

const bodyOf = (payloadtype: string, payload: unknown): string =>
  JSON.stringify({ payloadtype, payload: textToBase64(stringifyJson(payload)), error: false });

/**
 * Turns a proven 409 to a repeated call into the reply of the first one; other answers stay as they
 * are.
 */
export const makeReplays =
  (deliver: Deliver) =>
  async (letter: Letter, host: Host, answer: Delivered, signal: AbortSignal): Promise<Delivery> => {
    if (answer.reply.status !== REPLAYED) return answer;
    const { payloadtype, fields } = letter;
    const made = madeBy(answer.reply.body);
    const read = READS[payloadtype]?.(fields as Record<string, unknown>, made);
    if (read === undefined) {
      const echo = (fields as Record<string, unknown>)[ECHOES[payloadtype] ?? ''] ?? {};
      return {
        ...answer,
        reply: { ...answer.reply, status: 200, body: bodyOf(payloadtype, echo) },
      };
    }
    const again = await deliver({ ...letter, ...read, kind: 'read' }, host, signal);
    if (again.kind === 'answer' && again.reply.status === 200) return again;
    return { kind: 'lost', reason: `done, but ${made} could not be read` };
  };
