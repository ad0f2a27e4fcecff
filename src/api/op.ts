// What an operation is. One object declares its wire type, its schemas, who may call it and what it runs;
// dispatch, routing, the typed client, the reference docs and the tests all read that object.

import type { z } from 'zod';
import type { Engine, Member } from '../node/engine/engine.ts';
import type { ColonyRow } from '../node/model/colony.ts';
import type { Rendered } from '../node/model/json.ts';
import type { ProcessRow } from '../node/model/process.ts';

/** What a call runs with. */
export interface Cx {
  readonly engine: Engine;
  /** The recovered id; '' for unsigned operations. */
  readonly caller: string;
  /** Aborted when the caller goes away or the server stops. */
  readonly signal: AbortSignal;
  /** Facts about this server for the operations that report them. */
  readonly server: ServerFacts;
}

/** A call on a colony: the colony, how the request named it, and who the caller is there. */
export interface ColonyCx extends Cx {
  readonly colony: ColonyRow;
  /** The colony's name for the reply: id in, id out; name in, name out. */
  readonly name: string;
  /** Present for member operations. */
  readonly member: Member | undefined;
}

/** A call on a process, found before the permission check as the protocol documents. */
export interface ProcessCx extends ColonyCx {
  readonly process: ProcessRow;
}

export interface ServerFacts {
  readonly buildversion: string;
  readonly buildtime: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export type Rank = 'colony-owner' | 'member' | 'member-any';

/**
 * Who may call. `anyone` is unsigned. The colony is named by the message, or is the colony of the process the
 * message names; `missing` is the text (and status, 404 unless said) when that process is unknown.
 */
export type Allow<M> =
  | { readonly who: 'anyone' | 'server-owner' }
  | { readonly who: Rank; readonly colony: (msg: M) => string; readonly missing?: Missing }
  | { readonly who: Rank; readonly process: (msg: M) => string; readonly missing: Missing }
  | {
      readonly who: Rank;
      /** For things found otherwise (functions, attributes, executors by id): throws when unknown. */
      readonly via: (msg: M, engine: Engine) => ColonyRow;
    };

/** The refusal when what the message names is unknown. */
export interface Missing {
  readonly status: 'bad-request' | 'not-found' | 'forbidden';
  readonly text: (name: string) => string;
}
