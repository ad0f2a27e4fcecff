// Attaching from the command line: bootstraps, ways and memory put together, and calls in the shape
// that commands use.

import type { Letter } from '../../api/client/courier.ts';
import type { Exchange } from '../../api/client/transport.ts';
import { type Attachment, attach, type Met, meet } from '../../attach/attachment.ts';
import { type Bootstrap, reachOf } from '../../attach/bootstraps.ts';
import type { OnReach } from '../../attach/deliver.ts';
import type { Store } from '../../federation/ports.ts';
import { OPEN_POLICY } from '../../federation/reader.ts';
import { makeSigner } from '../../node/crypto/sign.ts';
import { NEVER } from '../../node/signals.ts';
import type { Context } from '../command.ts';
import { type Call, readReply } from '../rpc.ts';
import { telling } from './explained.ts';
import { colonyMemory } from './memory.ts';
import { callAny, callProven, kindOf } from './node-calls.ts';
import { openWire } from './wire.ts';

export interface MeetFlags {
  readonly network?: string | undefined;
  /** File with the key of a private overlay. */
  readonly keyFile?: string | undefined;
  readonly mode?: 'open' | 'federated';
  readonly anchors?: readonly string[];
  /** Told after each try whether a host could be reached. */
  readonly onReach?: OnReach;
  /** Where verified records are kept; without it, nowhere. */
  readonly openStore?: (network: string) => Store;
}

export interface Opened {
  readonly met: Met;
  /** Calls to the first node that answers, for what any node takes. */
  readonly call: Call;
  /** The same, for one server: a reply that it has not proven is an error. */
  readonly callProven: (serverid: string) => Call;
  close(): Promise<void>;
}

const policyOf = ({ mode = 'open' }: MeetFlags) => ({ ...OPEN_POLICY, mode });

/** Meets the bootstraps without attaching to a colony. */
export const openMet = async (
  ctx: Context,
  bootstraps: readonly Bootstrap[],
  flags: MeetFlags = {},
): Promise<Opened> => {
  const { clock, log } = ctx;
  const { wire, close } = await openWire(ctx, bootstraps, reachOf(bootstraps), flags.keyFile);
  try {
    const policy = policyOf(flags);
    const { network, anchors = [], openStore } = flags;
    const met = await telling(() =>
      meet({
        ...{ bootstraps, network, wire, canDial: true, clock, log, policy, anchors },
        ...(openStore === undefined ? {} : { openStore }),
      }),
    );
    return {
      met,
      call: callAny(wire, met),
      callProven: (serverid) => callProven(clock, wire, met, serverid),
      close,
    };
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
  const { wire, close } = await openWire(ctx, bootstraps, reachOf(bootstraps), flags.keyFile);
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
