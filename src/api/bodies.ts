// Reads the bodies of requests: each within its own limit, the large ones together within theirs,
// for as long as their calls last. Knows neither routes nor messages.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../node/limits.ts';
import { onOver } from './http-origin.ts';

/** A body that was not read, with the HTTP status that says why. */
export interface BodyProblem extends Error {
  readonly statusCode: number;
}

export interface Bodies {
  /** Called when a request begins: what follows of it counts until its response is closed. */
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** Reads the body, at most `bytesMax` of it; what follows of a refused one is dropped. */
  read(
    request: IncomingMessage,
    bytesMax: number,
    done: (problem: BodyProblem | null, body?: Buffer) => void,
  ): void;
}

const problem = (statusCode: number, message: string): BodyProblem =>
  Object.assign(new Error(message), { statusCode });

const tooLarge = (bytesMax: number): BodyProblem =>
  problem(413, `request body is larger than ${bytesMax} bytes`);

const NO_ROOM = 'too many large requests at once; try again later';

/** Makes the reader of one server. */
export const makeBodies = ({ bodyFreeBytes, bodiesBytesMax }: Limits): Bodies => {
  const large = new WeakMap<IncomingMessage, { bytes: number; isOver: boolean }>();
  let held = 0;
  return {
    begin: (request, response) => {
      const { headers } = request;
      const length = Number(headers['content-length'] ?? 0);
      if (length <= bodyFreeBytes && headers['transfer-encoding'] === undefined) return;
      const hold = { bytes: 0, isOver: false };
      large.set(request, hold);
      onOver(response, () => {
        held -= hold.bytes;
        // What the stream still has of it is let go, too.
        hold.isOver = true;
      });
    },
    read: (request, bytesMax, done) => {
      if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
        request.resume();
        done(tooLarge(bytesMax));
        return;
      }
      const hold = large.get(request);
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (why: BodyProblem | null, body?: Buffer): void => {
        request.off('data', take);
        request.off('end', finish);
        request.off('error', fail);
        if (why !== null) request.resume();
        done(why, body);
      };
      const take = (chunk: Buffer): void => {
        size += chunk.length;
        if (hold?.isOver === false) {
          hold.bytes += chunk.length;
          held += chunk.length;
        }
        if (size > bytesMax) end(tooLarge(bytesMax));
        else if (hold !== undefined && held > bodiesBytesMax) end(problem(503, NO_ROOM));
        else chunks.push(chunk);
      };
      const finish = (): void => end(null, Buffer.concat(chunks, size));
      const fail = (error: Error): void => end(problem(400, error.message));
      request.on('data', take);
      request.on('end', finish);
      request.on('error', fail);
    },
  };
};
