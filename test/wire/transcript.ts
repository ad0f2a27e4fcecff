// Recorded traffic of real clients against the original server, one event a line.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Exchange {
  /** Line of the transcript, from 0. */
  readonly line: number;
  readonly type: string;
  readonly signed: boolean;
  readonly request: Record<string, unknown>;
  readonly status: number;
  readonly replyType: string;
  readonly reply: unknown;
}

interface Event {
  readonly kind: string;
  readonly path?: string;
  readonly req?: { payloadtype?: string; sig?: number; ptxt?: string };
  readonly res?: { payloadtype?: string; ptxt?: string };
  readonly status?: number;
}

/** Every exchange over POST /api of a transcript. */
export const exchanges = (file: string): Exchange[] =>
  readFileSync(join(import.meta.dirname, file), 'utf8')
    .split('\n')
    .flatMap((text, line) => {
      if (text === '') return [];
      const event = JSON.parse(text) as Event;
      if (event.kind !== 'http' || event.path !== '/api') return [];
      return [
        {
          line,
          type: event.req?.payloadtype ?? '',
          signed: event.req?.sig !== undefined,
          request: JSON.parse(event.req?.ptxt ?? '{}') as Record<string, unknown>,
          status: event.status ?? 0,
          replyType: event.res?.payloadtype ?? '',
          reply: JSON.parse(event.res?.ptxt ?? 'null') as unknown,
        },
      ];
    });
