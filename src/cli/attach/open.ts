// Attaching from the command line: bootstraps, ways and memory put together, errors that say what
// to do next,
// and calls in the shape that commands use.

import type { Letter } from '../../api/client/courier.ts';
import { ColoniesError } from '../../api/client/error.ts';
import type { Exchange } from '../../api/client/transport.ts';
import { OPS_BY_TYPE } from '../../api/ops/index.ts';
import { type Attachment, attach, type Met, meet } from '../../attach/attachment.ts';
import { type Bootstrap, reachOf } from '../../attach/bootstraps.ts';
import { isUnsent, type Wire } from '../../attach/wire.ts';
import type { Store } from '../../federation/ports.ts';
import { OPEN_POLICY } from '../../federation/reader.ts';
import { textToBase64 } from '../../node/crypto/bytes.ts';
import { makeSigner } from '../../node/crypto/sign.ts';
import { Fault } from '../../node/errors.ts';
import { stringifyJson } from '../../node/model/json.ts';
import type { Context } from '../command.ts';
import { advised, ServerError } from '../errors.ts';
import { type Call, readReply } from '../rpc.ts';
import { colonyMemory } from './memory.ts';
import { openWire } from './wire.ts';

export interface MeetFlags {
  readonly network?: string | undefined;
  readonly mode?: 'open' | 'federated';
  readonly anchors?: readonly string[];
  /** Told after each try whether a host could be reached. */
  readonly onReach?: (serverid: string, reached: boolean) => void;
  /** Where verified records are kept; without it, nowhere. */
  readonly openStore?: (network: string) => Store;
}

export interface Opened {
  readonly met: Met;
  /** Calls to the first node that answers, for what any node takes. */
  readonly call: Call;
  close(): Promise<void>;
}

const NEVER = new AbortController().signal;

const NOBODY =
  'Is a node running there? `colonies server start --listen /ip4/0.0.0.0/tcp/4001` starts one; ' +
  '--bootstrap, or COLONIES_BOOTSTRAP, names others.';
const UNREACHABLE =
  'The colony may be offline. `colonies federation resolve ID` shows its servers and what is wrong.';
const UNKNOWN_COLONY =
  'Its owner publishes it with `colonies federation publish --colonyid ID --server ID`; a new record ' +
  'takes a few seconds to spread.';
const REFUSED =
  'Somebody on the way, or the server itself, altered it. Another --bootstrap avoids the first.';
const OTHER_NETWORK =
  'Name a bootstrap of that network, or choose this one with --network: a colony may exist in several.';

const adviceFor = (error: ColoniesError): string | undefined => {
  const { cause } = error;
  const reason = cause instanceof Fault ? cause.detail['reason'] : undefined;
  if (reason === 'network') return OTHER_NETWORK;
  if (error.code === 'unavailable' && error.cause !== undefined) return NOBODY;
  if (error.code === 'unreachable') return UNREACHABLE;
  if (error.code === 'bad-reply') return REFUSED;
  if (error.code === 'not-found' && cause instanceof Fault) return UNKNOWN_COLONY;
  return undefined;
};

/** The errors of attached calls as those of the command line. */
export const explained = (error: unknown): unknown => {
  if (error instanceof Fault) {
    return explained(new ColoniesError('unavailable', error.message, { cause: error }));
  }
  if (!(error instanceof ColoniesError)) return error;
  const advice = adviceFor(error);
  if (advice !== undefined) return advised(error.message, advice, error);
  return new ServerError(error.status, error.message);
};

/** Runs, with the errors of attaching as those of the command line. */
export const telling = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    throw explained(error);
  }
};

/** The error when nobody knows a colony. */
export const unknownColony = (colonyid: string): Error =>
  advised(`no node that was asked knows colony ${colonyid}`, UNKNOWN_COLONY);

const policyOf = ({ mode = 'open' }: MeetFlags) => ({ ...OPEN_POLICY, mode });

/**
 * Calls to one node after the other, until one was reached. What it takes needs no proof of a
 * reply.
 */
const callOf =
  (wire: Wire, { nodes }: Met): Call =>
  async <T>(
    payloadtype: string,
    fields: Readonly<Record<string, unknown>>,
    prvkey: string | undefined,
    signal: AbortSignal = NEVER,
  ): Promise<T> => {
    const payload = textToBase64(stringifyJson({ ...fields, msgtype: payloadtype }));
    const signature = prvkey === undefined ? '' : makeSigner(prvkey)(payload);
    const body = JSON.stringify({ signature, payloadtype, payload });
    let failure: unknown;
    for (const { base } of nodes.carriers()) {
      try {
        const reply = await wire(base, { path: '/api', body }, signal);
        return readReply(reply.status, reply.body) as T;
      } catch (error) {
        if (!isUnsent(error)) throw explained(error);
        // Expected: this one is down.
        failure = error;
      }
    }
    throw explained(failure);
  };

/** Meets the bootstraps without attaching to a colony. */
export const openMet = async (
  ctx: Context,
  bootstraps: readonly Bootstrap[],
  flags: MeetFlags = {},
): Promise<Opened> => {
  const { clock, log } = ctx;
  const { wire, close } = await openWire(ctx, bootstraps, reachOf(bootstraps));
  try {
    const policy = policyOf(flags);
    const { network, anchors = [], openStore } = flags;
    const met = await telling(() =>
      meet({
        ...{ bootstraps, network, wire, canDial: true, clock, log, policy, anchors },
        ...(openStore === undefined ? {} : { openStore }),
      }),
    );
    return { met, call: callOf(wire, met), close };
  } catch (error) {
    await close();
    throw error;
  }
};

export interface AttachedColony {
  readonly attachment: Attachment;
  /** Calls to the home, or the next host when it cannot be reached. */
  readonly call: Call;
  /** Calls to one server and no other. */
  readonly callTo: (serverid: string) => Call;
  close(): Promise<void>;
}

const kindOf = (payloadtype: string): Letter['kind'] => {
  const known = OPS_BY_TYPE.get(payloadtype)?.kind;
  if (known !== undefined) return known;
  return payloadtype.startsWith('get') ? 'read' : 'write';
};

type Deliver = (letter: Letter, signal: AbortSignal) => Promise<Exchange>;

const callBy =
  (deliver: Deliver): Call =>
  async <T>(
    payloadtype: string,
    fields: Readonly<Record<string, unknown>>,
    prvkey: string | undefined,
    signal: AbortSignal = NEVER,
  ): Promise<T> => {
    const sign = prvkey === undefined ? undefined : makeSigner(prvkey);
    const letter = { payloadtype, fields, kind: kindOf(payloadtype), sign };
    const { status, body } = await telling(() => deliver(letter, signal));
    return readReply(status, body) as T;
  };

/** Attaches to a colony and remembers where it was found. */
export const openColony = async (
  ctx: Context,
  colonyid: string,
  bootstraps: readonly Bootstrap[],
  flags: MeetFlags = {},
): Promise<AttachedColony> => {
  const { clock, log, keychain } = ctx;
  const memory = colonyMemory(keychain, colonyid);
  const network = flags.network ?? memory.pin()?.network;
  const { wire, close } = await openWire(ctx, bootstraps, reachOf(bootstraps));
  try {
    const attachment = await telling(() =>
      attach({
        ...{ colonyid, bootstraps, network, wire, canDial: true, clock, log },
        openStore: memory.openStore,
        policy: policyOf(flags),
        anchors: flags.anchors ?? [],
        ...(flags.onReach === undefined ? {} : { onReach: flags.onReach }),
      }),
    );
    memory.remember(attachment.network, attachment.nodes.answered());
    return {
      attachment,
      call: callBy(attachment.send),
      callTo: (serverid) => callBy((letter, signal) => attachment.sendTo(serverid, letter, signal)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
