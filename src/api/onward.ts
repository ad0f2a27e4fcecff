// Calls that go on to another node before anybody looked who makes them: what they name is read, and
// when others from the same place went there a moment ago, they go the same way.

import { isId } from '../node/crypto/ids.ts';
import { decodePayload, type Envelope, type Origin, type Reply } from '../node/model/envelope.ts';
import { parseMessage } from '../node/model/json.ts';
import type { Op, Target } from './op.ts';

/** A call that was only read: nobody knows yet who makes it. */
export interface Unproven {
  /** The request's body exactly as it came. */
  readonly body: Uint8Array;
  readonly kind: Op['kind'];
  /** The server that the payload says it is for, as it came. */
  readonly audience: unknown;
}

/**
 * The way of short calls from an origin that others from there took a moment ago. It gives the
 * answer of its end, which recovers the caller itself; undefined when there is no such way, or it
 * does not lead there: then nothing happened, and the call takes the usual course. May throw a
 * Fault (`too-many`, `outcome-unknown`).
 */
export type Onward = (
  origin: Origin,
) => ((target: Target, call: Unproven) => Promise<Reply | undefined> | undefined) | undefined;

/** What messages of one type name, and what they do. */
export interface Targets {
  readonly kind: Op['kind'];
  /** Undefined when it is not clear: then the usual course finds out. */
  in(raw: object): Target | undefined;
}

type Naming = (raw: never) => Target;

const namingOf = ({ allow }: Op): Naming | undefined => {
  if ('colony' in allow) return (raw) => ({ colony: allow.colony(raw) });
  return 'process' in allow ? (raw) => ({ process: allow.process(raw) }) : undefined;
};

const idIn = (naming: Naming, raw: object): Target | undefined => {
  try {
    const target = naming(raw as never);
    const id: unknown = Object.values(target)[0];
    return typeof id === 'string' && isId(id) ? target : undefined;
  } catch {
    // Written for checked messages; this one may be anything, and the usual course says what.
    return undefined;
  }
};

/** How operations of one type name what they are about; undefined when one may wait, or names otherwise. */
export const targetsOf = (ops: readonly Op[]): Targets | undefined => {
  const [first] = ops;
  const namings = ops.map(namingOf);
  const isSame = ops.every(({ kind, payloadIgnored }) => kind === first?.kind && !payloadIgnored);
  if (first === undefined || first.kind === 'wait' || !isSame) return undefined;
  if (namings.includes(undefined)) return undefined;
  return {
    kind: first.kind,
    in: (raw) => {
      const named = namings.flatMap((naming) => idIn(naming as Naming, raw) ?? []);
      const [target] = named;
      const isClear = named.every(
        (one) => Object.values(one)[0] === Object.values(target ?? {})[0],
      );
      return isClear ? target : undefined;
    },
  };
};

const messageIn = (payload: string): object | undefined => {
  try {
    const raw = parseMessage(decodePayload(payload));
    return typeof raw === 'object' && raw !== null ? raw : undefined;
  } catch {
    // Not JSON: the usual course says so to whoever signed it.
    return undefined;
  }
};

/** The bytes of a body, which are not copied. */
export const bytesOf = (body: Uint8Array | string): Uint8Array =>
  typeof body === 'string' ? Buffer.from(body) : body;

/** Sends a call onward if its way is known; undefined when the usual course is to be taken. */
export const makeForward =
  ({ onward }: { readonly onward?: Onward | undefined }) =>
  (
    targets: Targets | undefined,
    { payload }: Envelope,
    body: Uint8Array | string,
    origin: Origin,
  ): Promise<Reply | undefined> | undefined => {
    const send = targets && onward?.(origin);
    if (targets === undefined || send === undefined) return undefined;
    const raw = messageIn(payload);
    const target = raw && targets.in(raw);
    if (target === undefined) return undefined;
    const { audience } = raw as { readonly audience?: unknown };
    return send(target, { body: bytesOf(body), kind: targets.kind, audience });
  };
