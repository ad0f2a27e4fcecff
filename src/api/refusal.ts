// How a refusal is told: its words, and its reply.

import { type Fault, fault } from '../node/errors.ts';
import { errorReply, type Reply, replyBody } from '../node/model/envelope.ts';
import { stringifyJson } from '../node/model/json.ts';
import type { Way } from './admission.ts';
import type { Dialect } from './op.ts';

/** So much of an unknown payload type is told back. */
const SHOWN = 100;

/** The refusal of a payload type that nobody serves. */
export const unknownType = (type: string): Fault => {
  const hint =
    'empty (this usually means the client is misconfigured - check that COLONIES_PRVKEY and other environment variables are set correctly)';
  const shown = type.length > SHOWN ? `${type.slice(0, SHOWN)}…` : type;
  return fault('forbidden', `invalid rpcMsg.PayloadType: ${type === '' ? hint : shown}`);
};

/**
 * What a refusal says: that of a bad signature (nothing else comes before there is a way) in the
 * words of the first dialect that knows the message, a later one in the words of the message where
 * it has some.
 */
export const wordsOf = (
  error: Fault,
  way: Way | undefined,
  dialects: readonly Dialect[],
): string => {
  if (way === undefined && error.code === 'forbidden') {
    return dialects[0]?.badSignature(error) ?? error.message;
  }
  const reason = error.detail['reason'];
  const says = typeof reason === 'string' ? way?.call?.says?.[reason] : undefined;
  if (says === undefined) return error.message;
  return typeof says === 'string' ? says : says(way?.msg, error, way?.process);
};

/**
 * The error reply for a Fault. `detail` tells which field of the payload was wrong, `made` what the
 * first of two same calls made; `server` and `time` what a protected call would have to say.
 */
export const faultReply = (error: Fault, message: string): Reply => {
  const { problem: detail, made, server, time } = error.detail;
  const isPlain = detail === undefined && made === undefined && time === undefined;
  if (isPlain) return errorReply(error.status, message);
  const told = time === undefined ? { detail, made } : { server, time };
  const payload = stringifyJson({ status: error.status, message, ...told });
  return { status: error.status, body: replyBody('error', payload, true) };
};
