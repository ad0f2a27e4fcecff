// A response whose parts are sent as each becomes ready. Every part has the fate of a reply of its
// own, and its reader the bounds of every other.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Delivery, Stake } from './delivery.ts';
import { isGone } from './http-origin.ts';
import type { Unsent } from './unsent.ts';

export interface Outpour {
  /** Sends a part. `stakes`: what is at stake with it; settled at once when nobody reads any more. */
  send(bytes: Uint8Array, stakes: readonly Stake[]): void;
  end(): void;
}

/** An answer in parts. */
export interface HttpStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Told once where the parts go. */
  begin(out: Outpour): void;
}

export interface Outlet {
  readonly delivery: Delivery;
  readonly unsent: Unsent;
}

/** Sends an answer in parts on a response that nobody else writes to. */
export const pour = (
  { status, headers, begin }: HttpStream,
  response: ServerResponse,
  socket: Socket,
  { delivery, unsent }: Outlet,
): void => {
  const parts = unsent.parts(response, socket);
  response.writeHead(status, headers);
  begin({
    send: (bytes, stakes) => {
      const watched = stakes.map((stake) => delivery.watchPart(stake, response, socket));
      if (isGone(response)) return;
      const taken = parts.begin(bytes.length);
      if (taken === undefined) return;
      response.write(bytes, (error) => {
        taken();
        // With an error the connection is closed, which settles what was watched.
        if (!error) for (const onSent of watched) onSent?.();
      });
    },
    end: () => response.end(),
  });
};
