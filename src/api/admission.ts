// From a signed envelope to a call that may run: payload, dialect, schema, the thing it names,
// permission. Shared by requests and subscriptions. Synchronous: signatures and other nodes are
// the dispatcher's business.

import { isId } from '../node/crypto/ids.ts';
import type { Engine } from '../node/engine/engine.ts';
import { type Fault, fault, keyRevoked } from '../node/errors.ts';
import { decodePayload, type Envelope, type Origin } from '../node/model/envelope.ts';
import { parseMessage } from '../node/model/json.ts';
import type { ProcessRow } from '../node/model/process.ts';
import { isUnwanted, problemOf } from '../node/model/wire.ts';
import { jsonProblem } from './json-problem.ts';
import type { NodePort } from './node-port.ts';
import type { Allow, Call, Dialect, MemberCx, Missing, Rank, ServerFacts, Target } from './op.ts';

/**
 * Chooses among the dialects that know a payload type, and remembers what an identity speaks.
 * `payload` is the decoded JSON, undefined when it is not JSON; `candidates` has at least one.
 */
export type ChooseDialect = (
  type: string,
  candidates: readonly Dialect[],
  payload: unknown,
  caller: string,
  origin: Origin,
  engine: Engine,
) => Dialect;

/** What a caller may put into any payload against replays, as it came. */
export interface ReplayFields {
  readonly nonce?: unknown;
  readonly issuedat?: unknown;
  readonly audience?: unknown;
}

/** The way of one call through admission, and everything its operation may ask for. */
export type Way<C extends Call = Call> = {
  -readonly [K in keyof MemberCx]: K extends 'colony' | 'member'
    ? MemberCx[K] | undefined
    : MemberCx[K];
} & {
  process: ProcessRow | undefined;
  it: unknown;
  /** Known as soon as the payload could be read; the message a little later. */
  call: C | undefined;
  dialect: Dialect | undefined;
  msg: unknown;
  /** Undefined when the payload names none of the fields. */
  replay: ReplayFields | undefined;
};

/** What the message names is not on this node. */
export interface Absent {
  readonly target: Target;
  /** Throws, or gives, the refusal when it is nowhere else either. */
  refuse(): unknown;
}

export interface AdmissionDeps {
  readonly engine: Engine;
  readonly server: ServerFacts;
  /** Absent when the overlay is switched off. */
  readonly node?: NodePort | undefined;
  readonly choose: ChooseDialect;
  /** Whether the key of an identity was declared dead; absent when the overlay is switched off. */
  readonly isRevoked?: ((id: string) => boolean) | undefined;
}

/** A payload's JSON, or what is wrong with it. */
export interface Payload {
  readonly raw: unknown;
  readonly problem: string | undefined;
}

const msgtypeOf = (raw: unknown): unknown => {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const exact = (raw as Record<string, unknown>)['msgtype'];
  if (exact !== undefined) return exact;
  const name = Object.keys(raw).find((key) => key.toLowerCase() === 'msgtype');
  return name === undefined ? undefined : (raw as Record<string, unknown>)[name];
};

const invalid = (call: Call, problem: string): Fault =>
  fault(call.wrong.code ?? 'bad-request', call.wrong.invalid(problem), { problem });

const readMessage = (call: Call, { raw, problem }: Payload): unknown => {
  if (problem !== undefined) throw invalid(call, problem);
  const code = call.wrong.code ?? 'bad-request';
  if (raw === null) throw fault(code, call.wrong.nothing);
  const parsed = call.msg.safeParse(raw);
  if (!parsed.success) {
    const why = problemOf(parsed.error);
    throw isUnwanted(parsed.error)
      ? fault('bad-request', why, { problem: why })
      : invalid(call, why);
  }
  const msgtype = msgtypeOf(raw) ?? '';
  if (typeof msgtype !== 'string') throw invalid(call, 'msgtype: expected a string');
  if (msgtype !== call.type) throw fault(code, call.wrong.mismatch);
  return parsed.data;
};

const replayOf = (raw: unknown): ReplayFields | undefined => {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { nonce, issuedat, audience } = raw as ReplayFields;
  return nonce === undefined && audience === undefined ? undefined : { nonce, issuedat, audience };
};

const idIn = (target: Target): string =>
  'colony' in target ? target.colony : 'process' in target ? target.process : target.other;

// Only an id can be known elsewhere: a name is local.
const absent = (target: Target, missing: Missing<unknown>, msg: unknown): Absent => {
  // Made only when it is needed: a call that another node answers is refused by nobody.
  const refuse = (): Fault => fault(missing.code ?? 'not-found', missing.text(msg));
  if (!isId(idIn(target))) throw refuse();
  return { target, refuse };
};

type Ranked = Exclude<Allow<unknown>, { readonly who: 'anyone' | 'server-owner' | 'identity' }>;

// Finds what the message names and notes it; gives how the message names the colony.
const locate = (allow: Ranked, way: Way, engine: Engine): string | Absent => {
  const { msg } = way;
  if ('colony' in allow) {
    const ref = allow.colony(msg);
    way.colony = engine.colonies.find(ref);
    return way.colony !== undefined || allow.missing === undefined
      ? ref
      : absent({ colony: ref }, allow.missing, msg);
  }
  if ('process' in allow) {
    const id = allow.process(msg);
    way.process = engine.processes.find(id);
    way.colony = way.process && engine.colonies.byNo(way.process.colony);
    if (way.colony === undefined) return absent({ process: id }, allow.missing, msg);
  } else {
    const target = allow.at(msg, way.caller);
    const found = allow.find(msg, engine, way.caller);
    if (found === undefined) return absent(target, allow.missing, msg);
    way.colony = found.colony;
    way.it = found.it;
  }
  const ref = allow.named?.(msg);
  return ref === way.colony.id ? ref : way.colony.name;
};

/** Reads a payload. From then on it is known whether the answer is to be proven. */
export const readPayload = ({ payload }: Envelope, way: Way): Payload => {
  const text = decodePayload(payload);
  let raw: unknown;
  let problem: string | undefined;
  try {
    raw = parseMessage(text);
  } catch (error) {
    // Expected: whatever the caller sent is not JSON, or nested beyond what the stack holds.
    problem = jsonProblem(text, error);
  }
  if (way.caller !== '') way.replay = replayOf(raw);
  return { raw, problem };
};

/** Finds what a call names, and checks that its caller may do it. */
const makeAuthorise = (engine: Engine) => {
  const rank = (dialect: Dialect, who: Rank, way: Way, ref: string): void => {
    const member = dialect.authorise(who, way.colony, ref, way.caller, engine);
    if (member?.kind === 'executor') engine.roles.heard(member.executor, dialect.name);
    way.member = member;
    way.name = way.colony?.id === ref ? ref : (way.colony?.name ?? '');
  };

  /** How the message names the colony it is about, or where else that may be. */
  const find = (dialect: Dialect, allow: Ranked, way: Way): string | Absent => {
    const ref = locate(allow, way, engine);
    if (typeof ref !== 'string' || way.colony !== undefined || !isId(ref)) return ref;
    return { target: { colony: ref }, refuse: () => rank(dialect, allow.who, way, ref) };
  };

  const authorise = (dialect: Dialect, { allow }: Call, way: Way): Absent | undefined => {
    if (allow.who === 'anyone' || allow.who === 'identity') return undefined;
    if (allow.who === 'server-owner') {
      if (engine.roles.isServerOwner(way.caller)) return undefined;
      throw fault('forbidden', dialect.notServerOwner);
    }
    const ref = find(dialect, allow, way);
    if (typeof ref !== 'string') return ref;
    rank(dialect, allow.who, way, ref);
    return undefined;
  };

  /**
   * What a caller gets whose key is dead: the refusal, or the way to where the call belongs, for
   * only the home's refusal is a proof to whoever came through another node.
   */
  const authoriseDead = (dialect: Dialect, { allow }: Call, way: Way): Absent => {
    if (allow.who === 'anyone' || allow.who === 'identity' || allow.who === 'server-owner') {
      throw keyRevoked();
    }
    const found = find(dialect, allow, way);
    if (typeof found === 'string') throw keyRevoked();
    return { target: found.target, refuse: keyRevoked };
  };

  return { authorise, authoriseDead };
};

/** Makes the admission for one engine. */
export const makeAdmission = (deps: AdmissionDeps) => {
  const { engine, server, node, choose, isRevoked } = deps;
  const { authorise, authoriseDead } = makeAuthorise(engine);
  const isDead = ({ caller }: Way): boolean => caller !== '' && isRevoked?.(caller) === true;

  // Asked before anything is looked up: what the first call removed is not there any more.
  const refuseRepeat = ({ replay, caller }: Way): void => {
    if (typeof replay?.nonce !== 'string') return;
    const { nonce, audience } = replay;
    if (audience === undefined || audience === engine.server.id()) {
      engine.once.refuseRepeat(caller, nonce);
    }
  };

  return {
    /** The start of a way; `caller` is '' for unsigned calls. */
    begin: <C extends Call>(caller: string, origin: Origin): Way<C> => ({
      engine,
      caller,
      origin,
      server,
      node,
      onLost: undefined,
      colony: undefined,
      name: '',
      member: undefined,
      process: undefined,
      it: undefined,
      call: undefined,
      dialect: undefined,
      msg: undefined,
      replay: undefined,
    }),

    /**
     * Takes a call to the point where it may run. `table` picks the operations or the
     * subscriptions of a dialect. Undefined: admitted. Throws a Fault in the words of the dialect.
     */
    admit: <C extends Call>(
      type: string,
      payload: Payload,
      candidates: readonly Dialect[],
      table: (dialect: Dialect) => ReadonlyMap<string, C>,
      way: Way<C>,
    ): Absent | undefined => {
      const dialect = choose(type, candidates, payload.raw, way.caller, way.origin, engine);
      const call = table(dialect).get(type);
      if (call === undefined) throw new Error(`the dialect chosen for ${type} does not have it`);
      way.call = call;
      way.dialect = dialect;
      const isOver = isDead(way);
      if (isOver && typeof way.replay?.nonce !== 'string') throw keyRevoked();
      way.msg = call.payloadIgnored === true ? {} : readMessage(call, payload);
      call.first?.(way.msg);
      if (isOver) return authoriseDead(dialect, call, way);
      refuseRepeat(way);
      return authorise(dialect, call, way);
    },
  };
};

export type Admission = ReturnType<typeof makeAdmission>;
