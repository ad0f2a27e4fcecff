// Proofs on the frames of one subscription whose request carried a nonce: counted and in order, so
// that
// none can be altered, left out or told twice on the way without notice.

import type { Prove } from './run.ts';

/** Sends one frame of a subscription; `status` is that of a refusal, 200 for an event. */
export type SendFrame = (body: string, status?: number) => void | Promise<void>;

/** The body with its proof as the last field. */
const withProof = (body: string, proof: string | undefined): string =>
  proof === undefined ? body : `${body.slice(0, -1)},"proof":"${proof}"}`;

/** Puts proofs on what goes to `send`; `request` is the payload text of the subscription. */
export const sealing = (
  prove: Prove,
  request: string,
  send: (body: string) => void,
): ((body: string, status?: number) => Promise<void>) => {
  let counter = 0;
  let tail: Promise<void> = Promise.resolve();
  return (body, status = 200) => {
    counter += 1;
    const at = counter;
    tail = tail.then(async () => send(withProof(body, await prove(request, status, body, at))));
    return tail;
  };
};
