// From the text of a request or frame to its envelope.

import { fault } from '../node/errors.ts';
import { LIMITS } from '../node/limits.ts';
import { Envelope } from '../node/model/envelope.ts';
import { refuseTangled } from '../node/model/json.ts';
import { problemOf } from '../node/model/wire.ts';
import { jsonProblem } from './json-problem.ts';

const ENVELOPE = { partsMax: LIMITS.envelopePartsMax } as const;

/** Reads the envelope of a request or frame. Throws bad-request with the parser's text. */
export const readEnvelope = (body: string): Envelope => {
  let raw: unknown;
  try {
    refuseTangled(body, ENVELOPE);
    raw = JSON.parse(body);
  } catch (error) {
    // Expected: whatever was sent is not JSON, or far more of it than an envelope is.
    throw fault('bad-request', jsonProblem(body, error));
  }
  if (raw === null) throw fault('bad-request', 'envelope is null');
  const { signature, payloadtype, payload } = raw as Partial<Envelope>;
  if (
    typeof payload === 'string' &&
    typeof payloadtype === 'string' &&
    typeof signature === 'string'
  ) {
    return { signature, payloadtype, payload };
  }
  const parsed = Envelope.safeParse(raw);
  if (!parsed.success) throw fault('bad-request', `envelope: ${problemOf(parsed.error)}`);
  return parsed.data;
};
