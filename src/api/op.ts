// What an operation is. One object declares its wire type, its schemas, who may call it and what
// it runs; dispatch, routing, the typed client, the reference docs and the tests all read that
// object. It must not know HTTP, and it imports the engine as types only: the client loads it too.

import type { z } from 'zod';
import type { Engine, Member } from '../node/engine/engine.ts';
import { type Fault, type FaultCode, fault } from '../node/errors.ts';
import type { ColonyRow } from '../node/model/colony.ts';
import type { Origin } from '../node/model/envelope.ts';
import type { Rendered } from '../node/model/json.ts';
import type { ProcessRow } from '../node/model/process.ts';
import type { NodePort } from './node-port.ts';

/** What a call runs with. */
export interface Cx {
  readonly engine: Engine;
  /** The recovered id; '' for unsigned operations. */
  readonly caller: string;
  /** Where the call came from; its `signal` is made when first read, so read it only to wait. */
  readonly origin: Origin;
  /** Facts about this server for the operations that report them. */
  readonly server: ServerFacts;
  /** The node as part of an overlay; undefined when that is switched off. */
  readonly node: NodePort | undefined;
  /** Set by `run` when the effect must be undone if the reply cannot be delivered. */
  onLost: (() => Promise<void>) | undefined;
}

/** A call on a colony: the colony, how the request named it, and who the caller is there. */
export interface ColonyCx extends Cx {
  readonly colony: ColonyRow;
  /** The colony's name for the reply: id in, id out; name in, name out. */
  readonly name: string;
  /** Undefined when the caller passed as the owner. */
  readonly member: Member | undefined;
}

/** A call that only members may make. */
export interface MemberCx extends ColonyCx {
  readonly member: Member;
}

/** Facts about this server; the port is known once it listens. */
export interface ServerFacts {
  readonly name: string;
  readonly buildversion: string;
  readonly buildtime: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/**
 * Who the caller must be to the colony. The ranks are independent: an owner is no member. `-any`
 * takes executors in every state; `-or-owner` also takes the colony owner.
 */
export type Rank =
  | 'colony-owner'
  | 'member'
  | 'member-any'
  | 'member-or-owner'
  | 'member-any-or-owner';

/** The refusal when what the message names is unknown. */
export interface Missing<M> {
  /** Default `not-found`. */
  readonly code?: FaultCode;
  text(msg: M): string;
}

/**
 * What a message names, for routing it to its home: a colony (name or id), a process, or another
 * id.
 */
export type Target =
  | { readonly colony: string }
  | { readonly process: string }
  | { readonly other: string };

/** Something found before the permission check, with the colony it belongs to. */
export interface Found<X> {
  readonly colony: ColonyRow;
  readonly it: X;
}

/**
 * Who may call, and what the rank is checked against: the colony that the message names, the
 * colony of the process that it names, or the colony of something found otherwise. All finding
 * comes before the permission check, as the protocol documents. Extractors may throw: the checks
 * that come first of all live there.
 */
export type Allow<M, X = unknown> =
  | { readonly who: 'anyone' }
  | { readonly who: 'server-owner' }
  /** Any identity that signed: the operation itself decides. */
  | { readonly who: 'identity' }
  | {
      readonly who: Rank;
      colony(msg: M): string;
      /** The refusal of an unknown colony when it differs from that of the rank. */
      readonly missing?: Missing<M>;
    }
  | {
      readonly who: Rank;
      process(msg: M): string;
      readonly missing: Missing<M>;
      /** How the message names the colony, if it does: only for the reply. */
      named?(msg: M): string;
    }
  | {
      readonly who: Rank;
      at(msg: M, caller: string): Target;
      /** One id may be several things: `caller` decides which of them is meant. */
      find(msg: M, engine: Engine, caller: string): Found<X> | undefined;
      readonly missing: Missing<M>;
      named?(msg: M): string;
    };

/** The context that an operation with these permissions runs in. */
export type CxFor<A> = A extends { readonly who: 'anyone' | 'server-owner' | 'identity' }
  ? Cx
  : (A extends { readonly who: 'member' | 'member-any' } ? MemberCx : ColonyCx) &
      (A extends { process(msg: never): string }
        ? { readonly process: ProcessRow }
        : A extends { find(msg: never, engine: Engine, caller: string): Found<infer X> | undefined }
          ? { readonly it: X }
          : unknown);

/** Texts for a payload that cannot be read. */
export interface Wrong {
  /** Default `bad-request`. */
  readonly code?: FaultCode;
  /** Not JSON, or a field of the wrong type. `problem` says what and where. */
  invalid(problem: string): string;
  /** The JSON literal null. */
  readonly nothing: string;
  /** `msgtype` is missing or is not the envelope's payload type. */
  readonly mismatch: string;
}

/** The text of a refusal by the rules of the engine, in the words of this message. */
export type Says<M> = string | ((msg: M, fault: Fault, process: ProcessRow | undefined) => string);

type Answer<R> = Rendered<R> | Promise<Rendered<R>>;

/** What operations and subscriptions have in common: everything up to the permission check. */
export interface Call<
  T extends string = string,
  M extends z.ZodType = z.ZodType,
  N extends string = string,
> {
  readonly type: T;
  readonly doc: string;
  readonly wrong: Wrong;
  readonly msg: M;
  /**
   * Fields without which the message makes no sense; the server treats an absent one as its zero
   * value.
   */
  readonly needs: readonly N[];
  readonly allow: Allow<z.output<M>>;
  /** Checks of the message alone that come before the permission check. */
  first?(msg: z.output<M>): void;
  /** Texts by `detail.reason` of a Fault thrown below. */
  readonly says?: Readonly<Record<string, Says<z.output<M>>>>;
  /** The payload is not even decoded. */
  readonly payloadIgnored?: true;
}

export interface Op<
  T extends string = string,
  M extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  N extends string = string,
> extends Call<T, M, N> {
  /** `read` changes nothing, `write` replies after its effect is durable, `wait` may take long. */
  readonly kind: 'read' | 'write' | 'wait';
  readonly reply: R;
  /** Payload type of the reply where it is not `type`. */
  readonly replyType?: string;
  /** A rendered empty text is an empty body without an envelope. */
  run(cx: Cx, msg: z.output<M>): Answer<z.output<R>>;
}

/**
 * A subscription over WebSocket. Each event is one process, under the payload type of
 * PROCESS_EVENT.
 */
export interface Watch<
  T extends string = string,
  M extends z.ZodType = z.ZodType,
  N extends string = string,
> extends Call<T, M, N> {
  /** Milliseconds after which the connection is cut; undefined is never. */
  lifeMs(msg: z.output<M>): number | undefined;
  /** Starts it: `emit` sends one event with this payload JSON. Returns what ends it. */
  start(cx: Cx, msg: z.output<M>, emit: (payloadJson: string) => void): () => void;
}

/** The payload type of every process event, whichever subscription it belongs to. */
export const PROCESS_EVENT = 'subscribeprocessmsg';

/** Declares one operation. `run` gets the context that belongs to `allow`. */
export const op = <
  T extends string,
  M extends z.ZodType,
  R extends z.ZodType,
  A extends Allow<z.output<M>>,
  const N extends keyof z.output<M> & string = never,
>(
  declared: Omit<Op<T, M, R, N>, 'allow' | 'run' | 'needs'> & {
    readonly needs?: readonly N[];
    readonly allow: A;
    run(cx: CxFor<A>, msg: z.output<M>): Answer<z.output<R>>;
  },
): Op<T, M, R, N> => ({ needs: [], ...declared }) as unknown as Op<T, M, R, N>;

/** Declares one subscription. `start` gets the context that belongs to `allow`. */
export const watch = <
  T extends string,
  M extends z.ZodType,
  A extends Allow<z.output<M>>,
  const N extends keyof z.output<M> & string = never,
>(
  declared: Omit<Watch<T, M, N>, 'allow' | 'start' | 'needs'> & {
    readonly needs?: readonly N[];
    readonly allow: A;
    start(cx: CxFor<A>, msg: z.output<M>, emit: (payloadJson: string) => void): () => void;
  },
): Watch<T, M, N> => ({ needs: [], ...declared }) as unknown as Watch<T, M, N>;

/** An identity's way of speaking: a table of operations and the words in which it refuses. */
export interface Dialect {
  readonly name: string;
  readonly ops: ReadonlyMap<string, Op>;
  readonly watches: ReadonlyMap<string, Watch>;
  /** Whether a refused subscription ends the connection; else it stays open for others. */
  readonly closesRefused: boolean;
  /**
   * Who the caller is to the colony; undefined for an owner. Throws forbidden. `ref` is how the
   * message named the colony, which is undefined when no such colony is here.
   */
  authorise(
    rank: Rank,
    colony: ColonyRow | undefined,
    ref: string,
    caller: string,
    engine: Engine,
  ): Member | undefined;
  readonly notServerOwner: string;
  /** The text for a refused signature. */
  badSignature(refusal: Fault): string;
}

/** The value, or a bad-request with this text when it is null. */
export const given = <X>(value: X | null, text: string): X => {
  if (value === null) throw fault('bad-request', text);
  return value;
};

/** Index of operations or subscriptions by wire type. */
export const byType = <C extends Call>(
  calls: Readonly<Record<string, C>>,
): ReadonlyMap<string, C> => new Map(Object.values(calls).map((one) => [one.type, one]));
