// How a client hands its calls to something that chooses the server, signs for it and checks the reply.
// Fulfilled above; without one a client talks to the one server it was given.

import type { Sign } from './envelopes.ts';
import type { Exchange } from './transport.ts';

/** A call before it is signed. */
export interface Letter {
  readonly payloadtype: string;
  readonly fields: object;
  /** `read` changes nothing, `write` does, `wait` takes work and may take long. */
  readonly kind: 'read' | 'write' | 'wait';
  /** Signs the payload text; absent for unsigned messages. */
  readonly sign: Sign | undefined;
}

export interface Courier {
  /** The server that answered last; undefined before the first answer. */
  attached?(): { readonly serverid: string } | undefined;
  /** Gives the reply of the server that answers for the call. Throws ColoniesError. */
  send(letter: Letter, signal: AbortSignal): Promise<Exchange>;
  /** Opens one connection with these subscriptions and gives the frames that come in. */
  watch(
    letters: readonly Letter[],
    signal: AbortSignal | undefined,
  ): Promise<AsyncIterable<string>>;
}
