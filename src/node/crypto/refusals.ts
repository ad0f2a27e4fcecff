// Why a signature is refused: one closed table of reasons with the sentence of today's servers and,
// where it differs, the one of 2022. Everything here becomes 403.

import { type Fault, fault } from '../errors.ts';

const RECOVER = 'Failed to recover public key:';

/** Sentences by reason. `text` is today's, `text2022` that of the founding version. */
export const REFUSALS = {
  'hex-byte': { text: 'encoding/hex: invalid byte' },
  'hex-length': { text: 'encoding/hex: odd length hex string' },
  length: { text: 'Invalid signature length' },
  'recovery-code': {
    text: `${RECOVER} invalid signature: public key recovery code`,
    text2022: `${RECOVER} calculated Rx is larger than curve P`,
  },
  'r-too-big': {
    text: `${RECOVER} invalid signature: R >= group order`,
    text2022: `${RECOVER} signature R is >= curve order`,
  },
  'r-zero': {
    text: `${RECOVER} invalid signature: R is 0`,
    text2022: `${RECOVER} signature R is 0`,
  },
  's-too-big': {
    text: `${RECOVER} invalid signature: S >= group order`,
    text2022: `${RECOVER} signature S is >= curve order`,
  },
  's-zero': {
    text: `${RECOVER} invalid signature: S is 0`,
    text2022: `${RECOVER} signature S is 0`,
  },
  'r-overflow': {
    text: `${RECOVER} invalid signature: signature R + N >= P`,
    text2022: `${RECOVER} calculated Rx is larger than curve P`,
  },
  'not-on-curve': {
    text: `${RECOVER} invalid signature: not for a valid curve point`,
    text2022: `${RECOVER} invalid square root`,
  },
  infinity: {
    text: `${RECOVER} invalid signature: recovered pubkey is the point at infinity`,
  },
  'high-s': {
    text: 'Failed verify signature: Signature s value is over half the order',
    text2022: 'Invalid signature',
  },
} as const satisfies Record<string, { text: string; text2022?: string }>;

export type Refusal = keyof typeof REFUSALS;

/** The refusals that only the curve can tell; all others are seen while the signature is read. */
export const CURVE_REFUSALS = [
  'not-on-curve',
  'infinity',
  'high-s',
] as const satisfies readonly Refusal[];

/** What recovery gives: the signer's id, or why there is none. */
export type Recovered =
  | { readonly id: string }
  | { readonly refusal: (typeof CURVE_REFUSALS)[number] };

/**
 * The fault for a reason, with `detail.reason`. `text` replaces the table's sentence where the
 * sentence names the bad byte.
 */
export const refuse = (reason: Refusal, text: string = REFUSALS[reason].text): Fault =>
  fault('forbidden', text, { reason });

/** The sentence of 2022 for a refused signature, or undefined when `error` is something else. */
export const refusalOf2022 = (error: Fault): string | undefined => {
  const reason = error.detail['reason'];
  if (typeof reason !== 'string' || !Object.hasOwn(REFUSALS, reason)) return undefined;
  const row: { text: string; text2022?: string } = REFUSALS[reason as Refusal];
  return row.text2022 ?? error.message;
};

/** The id inside `recovered`, or the refusal thrown as its fault. */
export const idOrThrow = (recovered: Recovered): string => {
  if ('refusal' in recovered) throw refuse(recovered.refusal);
  return recovered.id;
};
