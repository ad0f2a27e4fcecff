import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localTime, logfmtLine, logrusLog, logValue, terminalLine } from '../../src/cli/logrus.ts';

const MAY_25 = Date.parse('2022-05-25T10:00:00Z');
let zone: string | undefined;

describe('log lines', () => {
  beforeEach(() => {
    zone = process.env['TZ'];
    process.env['TZ'] = 'Europe/Stockholm';
  });
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('are logfmt in local time, fields sorted by name', () => {
    const line = logfmtLine(MAY_25, 'info', 'Process submitted', { processID: 'ab12', a: 1 });
    expect(line).toBe(
      'time="2022-05-25T12:00:00+02:00" level=info msg="Process submitted" a=1 processID=ab12',
    );
  });

  it('name the level warning in full', () => {
    expect(logfmtLine(MAY_25, 'warn', 'x', {})).toContain(' level=warning msg=x');
  });

  it('write UTC as Z', () => {
    process.env['TZ'] = 'UTC';
    expect(localTime(MAY_25)).toBe('2022-05-25T10:00:00Z');
  });

  it.each([
    ['', ''],
    ['abc-._/@^+9', 'abc-._/@^+9'],
    ['two words', '"two words"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['line\nbreak', '"line\\nbreak"'],
    ['esc\u001b[31m', '"esc\\x1b[31m"'],
    [['a', 'b'], '"[a b]"'],
  ])('write the value %j as %s', (value, shown) => {
    expect(logValue(value)).toBe(shown);
  });

  it('write large integers exactly', () => {
    expect(logValue(9_007_199_254_740_993n)).toBe('9007199254740993');
  });

  it('are columns on a terminal, coloured by level', () => {
    const text = 'Process submitted';
    expect(terminalLine(0, 'info', text, { processID: 'ab' }, false)).toBe(
      `INFO[0000] ${text.padEnd(44)} processID=ab`,
    );
    expect(terminalLine(12, 'error', 'no', { err: 'x' }, true)).toBe(
      `\u001b[31mERRO\u001b[0m[0012] ${'no'.padEnd(44)} \u001b[31merr\u001b[0m=x`,
    );
  });

  it('of level debug come with verbose only', () => {
    const lines: string[] = [];
    const sink = { write: (l: string) => lines.push(l), terminal: false, colours: false };
    logrusLog({ ...sink, now: () => MAY_25 }, false).debug('hidden');
    logrusLog({ ...sink, now: () => MAY_25 }, true).debug('shown');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('level=debug msg=shown\n');
  });
});
