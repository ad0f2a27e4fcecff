// Why a dial failed, in words for whoever runs a node.

import { InvalidMessageError } from '@libp2p/interface';
import { InvalidDataLengthError } from '@libp2p/utils';
import { expect, it } from 'vitest';
import { reasonOf } from '../../src/dht/wires.ts';

const NO_NODE = 'it does not speak as this overlay does: no node, or one with another shared key';

it.each([new InvalidMessageError('Missing newline'), new InvalidDataLengthError('too long')])(
  'bytes that are no protocol are told as another key or no node: $name',
  (error) => {
    expect(reasonOf(error)).toBe(NO_NODE);
    expect(reasonOf(new AggregateError([error], 'all dials failed'))).toBe(NO_NODE);
  },
);

it('a silence is told as one, and other reasons as they are, cut to a line', () => {
  expect(reasonOf(AbortSignal.abort(new DOMException('', 'TimeoutError')).reason)).toBe(
    'no answer in time',
  );
  expect(reasonOf(new Error(`connection refused${'!'.repeat(1_000)}`))).toMatch(
    /^connection refused!{182}$/,
  );
});
