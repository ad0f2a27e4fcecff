// The ways of short calls to another node: posted over HTTP with a pass for each body, or as calls of
// the call protocol, on a stream over HTTP or a connection of the overlay, whose ends were proven
// once. Each carries one call, or a batch.

import type { CallReply, Calls } from '../dht/overlay.ts';
import type { RelayPass } from '../federation/relay-auth.ts';
import { Fault, fault } from '../node/errors.ts';
import type { Limits } from '../node/limits.ts';
import type { Reply } from '../node/model/envelope.ts';
import { NEVER } from '../node/signals.ts';
import { headerOf } from './ask.ts';
import type { Outbound, OutboundHead, OutboundReply, OutboundRequest } from './outbound.ts';
import { BATCH_HEADER, BATCH_TYPE, BatchError } from './relay-batch-wire.ts';
import type { Channels } from './relay-channels.ts';
import { passHeaders, RELAY_PATH } from './relay-post.ts';
import {
  type AnswerHead,
  decodeAnswerHead,
  encodeHead,
  isProof,
  isStatus,
  isUnsent,
  readBody,
} from './relay-wire.ts';
import { endOf } from './web-streams.ts';

/** Where a reply to one call ends, and how many calls of a batch its sender would take. */
export interface Answered {
  readonly reply: Reply;
  readonly callsMax: number;
}

/** A way to one server. Rejects with a Fault whose `detail.sent` is 0 when no byte left here. */
export interface Way {
  /** Of the way and its end: calls on ways of one name may travel together. */
  readonly name: string;
  alone(call: Uint8Array): Promise<Answered>;
  /**
   * Sends a batch of so many calls and gives `take` its replies' bytes as they come. Resolves with
   * undefined after those, or with what the batch was answered as a whole.
   */
  together(
    batch: Uint8Array,
    count: number,
    take: (chunk: Buffer) => void,
  ): Promise<Reply | undefined>;
}

export interface HttpWayDeps {
  readonly outbound: Outbound;
  /** Header values that pass a body to a server; undefined without a certificate. */
  readonly pass: (target: string, body: Uint8Array) => Promise<RelayPass | undefined>;
}

/** The reply in an answer. Throws outcome-unknown for one that no node gives. */
export const replyIn = (base: string, { status, headers, body }: OutboundReply): Reply => {
  const proof = headerOf(headers['colonies-reply-proof']);
  // No node answers so: something in between does, and what became of the call is not known.
  if (!isStatus(status) || (proof !== undefined && !isProof(proof))) {
    const what = status >= 300 && status < 400 ? 'a redirect' : `status ${status} or no proof`;
    throw fault('outcome-unknown', `${base} answered with ${what}`, { sent: 1 });
  }
  return { status, body: body.toString('utf8'), proof };
};

const isOfBatch = ({ status, headers }: OutboundHead): boolean =>
  status === 200 && headers['content-type'] === BATCH_TYPE;

const isUnreachable = (error: unknown): boolean => isUnsent(error) && error.code === 'unavailable';

/** The way to a server (by its id) behind a base URL: on a stream while there is one, else posted. */
export const webWay = (deps: WebWayDeps, base: string, target: string): Way => {
  const { channels, overlayCall, limits } = deps;
  const posted = httpWay(deps, base, target);
  const end = endOf(target, base);
  if (!channels.serves(end)) return posted;
  const streamed = overlayWay(overlayCall, limits, { peer: end, addresses: [] }, target);
  const either = async <T>(go: (way: Way) => Promise<T>): Promise<T> => {
    try {
      const answer = await go(streamed);
      channels.answered(end);
      return answer;
    } catch (error) {
      if (error instanceof Fault && error.code === 'outcome-unknown') channels.broke(end);
      if (!isUnreachable(error)) throw error;
      channels.failed(end);
      return go(posted);
    }
  };
  return {
    name: posted.name,
    alone: (call) => either((way) => way.alone(call)),
    together: (batch, count, take) => either((way) => way.together(batch, count, take)),
  };
};

/** The way to a server (by its id) behind a base URL, an exchange for each. */
export const httpWay = ({ outbound, pass }: HttpWayDeps, base: string, target: string): Way => {
  const post = async (body: Uint8Array, pieces?: OutboundRequest['pieces']) => {
    const headers = passHeaders(await pass(target, body));
    const asked = { method: 'POST', base, path: RELAY_PATH, headers, body } as const;
    return outbound.request(pieces === undefined ? asked : { ...asked, pieces });
  };
  return {
    name: `${target} ${base}`,
    alone: async (call) => {
      const answer = await post(call);
      const told = Number(headerOf(answer.headers[BATCH_HEADER]) ?? 1);
      return { reply: replyIn(base, answer), callsMax: told >= 1 ? Math.floor(told) : 1 };
    },
    together: async (batch, _count, take) => {
      const answer = await post(batch, (head) => (isOfBatch(head) ? take : undefined));
      return isOfBatch(answer) ? undefined : replyIn(base, answer);
    },
  };
};

export interface WebWayDeps extends HttpWayDeps {
  readonly channels: Channels;
  /** Calls on the streams of channels. */
  readonly overlayCall: OverlayCall;
  readonly limits: OverlayWayDeps['limits'];
}

export interface OverlayWayDeps {
  /** Absent until the overlay runs. */
  readonly calls: () => Calls | undefined;
  /** This node's certificate in base64, undefined without one. */
  readonly certificate: () => string | undefined;
  readonly limits: Pick<Limits, 'callBytesMax'>;
}

/** A node of the overlay: its peer id, and where it may be dialled. */
export interface OverlayEnd {
  readonly peer: string;
  readonly addresses: readonly string[];
}

/** A call on the overlay, with the head that says who relays it. */
export type OverlayCall = (
  end: OverlayEnd,
  body: Uint8Array,
  options: {
    readonly signal: AbortSignal;
    readonly waits?: boolean;
    readonly confirm?: 'read' | 'explicit';
    readonly bytesMax?: number;
    readonly gathered?: boolean;
  },
) => Promise<{ readonly head: AnswerHead; readonly reply: CallReply }>;

/** The relayed calls of one node over the overlay; their head is made anew with its certificate. */
export const makeOverlayCall = ({ calls, certificate }: OverlayWayDeps): OverlayCall => {
  let last: { readonly certificate: string; readonly head: Uint8Array } | undefined;
  const rpcHead = (own: string): Uint8Array => {
    if (last?.certificate !== own) {
      last = { certificate: own, head: encodeHead({ kind: 'rpc', certificate: own }) };
    }
    return last.head;
  };
  return async ({ peer, addresses }, body, options) => {
    const own = certificate();
    if (own === undefined) passHeaders(undefined);
    const open = calls();
    if (open === undefined || own === undefined) {
      throw fault('unavailable', 'the overlay is not running', { sent: 0 });
    }
    const reply = await open.call(peer, rpcHead(own), body, { ...options, addresses });
    try {
      return { head: decodeAnswerHead(reply.head), reply };
    } catch (error) {
      reply.cancel();
      throw error;
    }
  };
};

/** The whole text of an answer. */
export const textOf = async ({ body }: CallReply, bytesMax?: number): Promise<string> =>
  (await readBody(body, bytesMax)).toString('utf8');

/** The way to a server (by its id) at a node of the overlay. */
export const overlayWay = (
  call: OverlayCall,
  { callBytesMax }: OverlayWayDeps['limits'],
  end: OverlayEnd,
  target: string,
): Way => {
  const options = { signal: NEVER, gathered: true };
  return {
    name: `${target} /p2p/${end.peer}`,
    alone: async (body) => {
      const { head, reply } = await call(end, body, options);
      const { status, proof, batch = 1 } = head;
      return { reply: { status, body: await textOf(reply), proof }, callsMax: batch };
    },
    together: async (batch, count, take) => {
      // Each of its replies may be as long as the answer to one call; the decoder sees to that.
      const bytesMax = count * callBytesMax;
      const { head, reply } = await call(end, batch, { ...options, bytesMax });
      const { status, proof } = head;
      if (head.replies !== true) {
        return { status, body: await textOf(reply, callBytesMax), proof };
      }
      try {
        for await (const chunk of reply.body) {
          take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        }
      } catch (error) {
        if (!(error instanceof BatchError)) throw error;
        throw fault('outcome-unknown', `peer ${end.peer}: ${error.message}`, { sent: 1 });
      }
      return undefined;
    },
  };
};
