// Why a dial failed, in words for whoever runs a node.

import { InvalidMessageError } from '@libp2p/interface';
import { InvalidDataLengthError } from '@libp2p/utils';
import { expect, it } from 'vitest';
import { reasonAt, reasonOf } from '../../src/dht/reasons.ts';

const NO_NODE = 'it does not speak as this overlay does: no node, or one with another shared key';

it.each([new InvalidMessageError('Missing newline'), new InvalidDataLengthError('too long')])(
  'bytes that are no protocol are told as another key or no node: $name',
  (error) => {
    expect(reasonOf(error)).toBe(NO_NODE);
    expect(reasonOf(new AggregateError([error], 'all dials failed'))).toBe(NO_NODE);
  },
);

it('what the library makes of them while the connection is not safe is told as the same', () => {
  const wrapped = (message: string): Error =>
    Object.assign(new Error(message), { name: 'EncryptionFailedError' });
  expect(reasonOf(wrapped('Missing newline'))).toBe(NO_NODE);
  const other = 'Payload identity key 16U does not match expected remote identity key 16V';
  expect(reasonOf(wrapped(other))).toBe(other);
});

it('a connection that ends at once may have met another key', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  expect(reasonOf(reset)).toMatch(/^it closed the connection: .*one with another shared key$/);
  expect(reasonOf(new AggregateError([reset], 'all dials failed'))).toBe(reasonOf(reset));
});

it('a silence at an address may be that of a private overlay', () => {
  const late = AbortSignal.abort(new DOMException('', 'TimeoutError')).reason;
  expect(reasonAt(late)).toMatch(/^no answer in time: .*private overlay/);
  expect(reasonAt(new Error('connection refused'))).toBe('connection refused');
});

it('a silence is told as one, and other reasons as they are, cut to a line', () => {
  expect(reasonOf(AbortSignal.abort(new DOMException('', 'TimeoutError')).reason)).toBe(
    'no answer in time',
  );
  expect(reasonOf(new Error(`connection refused${'!'.repeat(1_000)}`))).toMatch(
    /^connection refused!{182}$/,
  );
});
