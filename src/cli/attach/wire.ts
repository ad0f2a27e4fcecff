// How commands reach nodes: HTTP over the node's own outbound connections, which judge every
// address that a
// stranger published; multiaddresses over libp2p, loaded only when one is used.

import type { Bootstrap, Reach } from '../../attach/bootstraps.ts';
import type { Wire } from '../../attach/wire.ts';
import { fault } from '../../node/errors.ts';
import { LIMITS } from '../../node/limits.ts';
import type { AddressPolicy } from '../../node/model/address.ts';
import type { Context } from '../command.ts';
import { advised } from '../errors.ts';

export interface OpenWire {
  readonly wire: Wire;
  close(): Promise<void>;
}

type Needs = Pick<Context, 'clock' | 'log' | 'globals'>;

const policyOf = ({ loopback, near }: Reach): AddressPolicy => {
  if (loopback) return 'test';
  return near ? 'lan' : 'public';
};

const PROOF = 'colonies-reply-proof';

const openHttp = async (
  { clock, globals }: Needs,
  bootstraps: readonly Bootstrap[],
  reach: Reach,
): Promise<OpenWire> => {
  const { makeOutbound } = await import('../../compose/outbound.ts');
  const given = new Set(bootstraps.map(({ base }) => base));
  const verify = globals.skipTlsVerify !== true;
  const make = (policy: AddressPolicy) =>
    makeOutbound({ policy: { policy }, clock, limits: LIMITS, verify });
  // What the user named himself may be anywhere; what was published obeys the policy.
  const [own, foreign] = [make('test'), make(policyOf(reach))];
  return {
    wire: async (base, { path, body, waits = false }, signal) => {
      const outbound = given.has(base) ? own : foreign;
      const { status, headers, ...reply } = await outbound.request({
        ...{ base, path, signal, waits },
        method: body === undefined ? 'GET' : 'POST',
        ...(body === undefined ? {} : { body: Buffer.from(body, 'utf8') }),
      });
      const proof = headers[PROOF];
      return {
        status,
        body: reply.body.toString('utf8'),
        proof: typeof proof === 'string' ? proof : undefined,
      };
    },
    close: async () => {
      own.close();
      foreign.close();
    },
  };
};

const openDialer = async (
  { clock, log }: Needs,
  reach: Reach,
  sharedKey: string | undefined,
): Promise<OpenWire> => {
  const { makeDialer } = await import('../../compose/dialer.ts');
  const dialer = makeDialer({ policy: policyOf(reach), clock, log, limits: LIMITS, sharedKey });
  await dialer.open();
  return {
    wire: (base, request, signal) => dialer.request(base, request, signal),
    close: dialer.stop,
  };
};

const KEY_FILE = 'It is the file that the nodes of the overlay were started with.';

/** Read at once: a file that is not there is no node that cannot be reached. */
const sharedKeyIn = async (file: string | undefined): Promise<string | undefined> => {
  if (file === undefined) return undefined;
  const { readSharedKey } = await import('../../compose/shared-key.ts');
  try {
    return await readSharedKey(file);
  } catch (error) {
    throw advised((error as Error).message, KEY_FILE, error);
  }
};

/** Opens the ways to nodes that these bootstraps allow; `keyFile` is that of a private overlay. */
export const openWire = async (
  ctx: Needs,
  bootstraps: readonly Bootstrap[],
  reach: Reach,
  keyFile?: string,
): Promise<OpenWire> => {
  const sharedKey = await sharedKeyIn(keyFile);
  const http = await openHttp(ctx, bootstraps, reach);
  let dialer: Promise<OpenWire> | undefined;
  let isClosed = false;
  // Loading takes longer on a busy machine than a node may take to answer.
  if (bootstraps.some(({ kind }) => kind === 'address')) {
    dialer = openDialer(ctx, reach, sharedKey);
    await dialer;
  }
  const dial: Wire = async (base, request, signal) => {
    // A lookup that goes on after the end would open what nobody closes any more.
    if (isClosed) throw fault('unavailable', `${base}: the way there is closed`, { sent: 0 });
    dialer ??= openDialer(ctx, reach, sharedKey);
    return (await dialer).wire(base, request, signal);
  };
  return {
    wire: (base, request, signal) =>
      (base.startsWith('/') ? dial : http.wire)(base, request, signal),
    close: async () => {
      isClosed = true;
      await http.close();
      await (await dialer)?.close();
    },
  };
};
