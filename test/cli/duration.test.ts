import { describe, expect, it } from 'vitest';
import {
  durationOfUs,
  durationText,
  parseDuration,
  tableTime,
  timeToUs,
} from '../../src/cli/duration.ts';

describe('durations', () => {
  it.each([
    [0n, '0s'],
    [7n, '7ns'],
    [1_500n, '1.5µs'],
    [229_418_594n, '229.418594ms'],
    [485_162_000n, '485.162ms'],
    [83_585_764_152n, '1m23.585764152s'],
    [3_600_500_000_000n, '1h0m0.5s'],
    [60_000_000_000n, '1m0s'],
    [-1_000_000_000n, '-1s'],
  ])('%s nanoseconds are written %s', (ns, text) => {
    expect(durationText(ns)).toBe(text);
  });

  it('takes microseconds too', () => {
    expect(durationOfUs(753_441)).toBe('753.441ms');
  });

  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['90d', 7_776_000_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'x', '1y', '-5s', '5 s'])('does not read %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('times in tables', () => {
  it('keep the offset that the server sent', () => {
    expect(tableTime('2022-04-05T16:40:01.123456+02:00')).toBe('2022-04-05 16:40:01');
    expect(tableTime('0001-01-01T01:12:12+01:12')).toBe('0001-01-01 01:12:12');
  });

  it('are exact to the microsecond when computed with', () => {
    const a = timeToUs('2022-05-25T10:20:30.017857Z');
    const b = timeToUs('2022-05-25T12:20:30.5+02:00');
    expect(b - a).toBe(482_143);
  });

  it('count as not set in any year up to 1', () => {
    expect(timeToUs('0001-01-01T01:12:12+01:12')).toBe(0);
    expect(timeToUs('0000-12-31T19:03:58-04:56')).toBe(0);
    expect(timeToUs('nonsense')).toBe(0);
  });
});
