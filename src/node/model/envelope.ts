// The envelope of the signed RPC, its reply, and the function type that answers one with the other.

import type { z } from 'zod';
import { base64ToText } from '../crypto/bytes.ts';
import { escapeJson, stringifyJson } from './json.ts';
import { longText, struct } from './wire.ts';

export const Envelope = struct({
  signature: longText(),
  payloadtype: longText(),
  payload: longText(),
});
export type Envelope = z.output<typeof Envelope>;

/** An answer ready for the wire: HTTP status and body text ('' for an empty body). */
export interface Reply {
  readonly status: number;
  readonly body: string;
  /** Proves to a caller who sent a nonce that this server gave this answer. */
  readonly proof?: string | undefined;
  /** To be called when the reply could not be delivered: undoes what was granted to the caller. */
  readonly onLost?: () => Promise<void>;
  /** To be called when the reply was handed to the system. */
  readonly onDelivered?: () => void;
}

/** What is known about where a call came from. */
export interface Origin {
  /** Opaque per-connection state: the edge remembers there which dialect an identity last used. */
  readonly connection: Map<string, string>;
  /** Aborted when the caller went away or the server stops. */
  readonly signal: AbortSignal;
  /** Numeric address of whoever connected, where there is one. */
  readonly address?: string | undefined;
}

/** Answers one envelope. Never throws. */
export type Send = (envelope: Envelope, origin: Origin) => Promise<Reply>;

/** Body of a reply with this payload JSON, fields in wire order. */
export const replyBody = (payloadtype: string, payloadJson: string, error: boolean): string =>
  `{"payloadtype":${JSON.stringify(payloadtype)},"payload":"${Buffer.from(escapeJson(payloadJson)).toString('base64')}","error":${error}}`;

/** Body of an error reply. */
export const errorBody = (status: number, message: string): string =>
  replyBody('error', stringifyJson({ status, message }), true);

/** A reply to a failed call. */
export const errorReply = (status: number, message: string): Reply => ({
  status,
  body: errorBody(status, message),
});

/**
 * Payload text to JSON text: standard base64; CR and LF inside are skipped; what follows a bad
 * place is dropped.
 */
export const decodePayload = base64ToText;
