// Calls to a node itself, not to the host of a colony: to any node, for records, which certify
// themselves; or to one server, whose proof of the reply is checked.

import type { Letter } from '../../api/client/courier.ts';
import { OPS_BY_TYPE } from '../../api/ops/index.ts';
import type { Met } from '../../attach/attachment.ts';
import { seal } from '../../attach/letter.ts';
import { isUnsent, type Wire, type WireReply } from '../../attach/wire.ts';
import { replyProofProblem } from '../../federation/reply-proof.ts';
import type { Clock } from '../../node/clock.ts';
import { textToBase64 } from '../../node/crypto/bytes.ts';
import { makeSigner } from '../../node/crypto/sign.ts';
import { stringifyJson } from '../../node/model/json.ts';
import { NEVER } from '../../node/signals.ts';
import { advised } from '../errors.ts';
import { type Call, readReply } from '../rpc.ts';
import { explained } from './explained.ts';

/** Whether a message changes something, waits for work, or only reads. */
export const kindOf = (payloadtype: string): Letter['kind'] => {
  const known = OPS_BY_TYPE.get(payloadtype)?.kind;
  if (known !== undefined) return known;
  return payloadtype.startsWith('get') ? 'read' : 'write';
};

/** Sends a body to one node after the other, until one was reached. */
const sendTo = async (
  wire: Wire,
  { nodes }: Met,
  body: string,
  signal: AbortSignal,
): Promise<WireReply> => {
  let failure: unknown;
  for (const { base } of nodes.carriers()) {
    try {
      return await wire(base, { path: '/api', body }, signal);
    } catch (error) {
      if (!isUnsent(error)) throw explained(error);
      // Expected: this one is down.
      failure = error;
    }
  }
  throw explained(failure);
};

/** Calls for what any node takes. */
export const callAny =
  (wire: Wire, met: Met): Call =>
  async <T>(
    payloadtype: string,
    fields: Readonly<Record<string, unknown>>,
    prvkey: string | undefined,
    signal: AbortSignal = NEVER,
  ): Promise<T> => {
    const payload = textToBase64(stringifyJson({ ...fields, msgtype: payloadtype }));
    const signature = prvkey === undefined ? '' : makeSigner(prvkey)(payload);
    const body = JSON.stringify({ signature, payloadtype, payload });
    const reply = await sendTo(wire, met, body, signal);
    return readReply(reply.status, reply.body) as T;
  };

const UNPROVEN = 'The node belongs to somebody else, or something on the way alters its replies.';

/** Calls to one server; a reply that it has not signed is an error. */
export const callProven =
  (clock: Clock, wire: Wire, met: Met, serverid: string): Call =>
  async <T>(
    payloadtype: string,
    fields: Readonly<Record<string, unknown>>,
    prvkey: string | undefined,
    signal: AbortSignal = NEVER,
  ): Promise<T> => {
    const { record } = await met.reader.resolver.server(serverid);
    const provers = record === undefined ? [] : [{ serverid, publicKey: record.publicKey }];
    const sign = prvkey === undefined ? undefined : makeSigner(prvkey);
    const letter = { payloadtype, fields, kind: kindOf(payloadtype), sign };
    const sealed = seal(letter, serverid, clock);
    const { status, body, proof } = await sendTo(wire, met, sealed.body, signal);
    const answered = { request: sealed.payload, status, body };
    const problem = replyProofProblem(proof, answered, provers);
    if (problem !== undefined) throw advised(`Reply refused: ${problem}`, UNPROVEN);
    return readReply(status, body) as T;
  };
