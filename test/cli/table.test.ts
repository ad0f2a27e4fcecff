import { describe, expect, it } from 'vitest';
import { asciiTable, roundedTable } from '../../src/cli/table.ts';
import { cut, wrap } from '../../src/cli/wrap.ts';

const ID = '6681946db095e0dc2e0408b87e119c0d2ae4f691db6899b829161fc97f14a1d0';
const RUNTIME = '66f55dcb577ca6ed466ad5fcab868673bc1fc7d6ea7db71a0af4fea86035c431';
const COLONY = '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4';

describe('tables of 2022', () => {
  it('prints the list of running processes as the founding README shows it', () => {
    const table = asciiTable([[ID, 'sleep', '100', '2022-04-05 16:40:01', 'myworkertype']], {
      header: ['ID', 'Cmd', 'Args', 'Start time', 'Target Runtime'],
    });
    expect(table).toBe(`\
+------------------------------------------------------------------+-------+------+---------------------+----------------+
|                                ID                                |  CMD  | ARGS |     START TIME      | TARGET RUNTIME |
+------------------------------------------------------------------+-------+------+---------------------+----------------+
| 6681946db095e0dc2e0408b87e119c0d2ae4f691db6899b829161fc97f14a1d0 | sleep | 100  | 2022-04-05 16:40:01 | myworkertype   |
+------------------------------------------------------------------+-------+------+---------------------+----------------+
`);
  });

  it('prints the Process table as the founding README shows it', () => {
    const table = asciiTable([
      ['ID', ID],
      ['IsAssigned', 'True'],
      ['AssignedRuntimeID', RUNTIME],
      ['State', 'Running'],
      ['SubmissionTime', '2022-04-05 16:40:00'],
      ['StartTime', '2022-04-05 16:40:01'],
      ['EndTime', '0001-01-01 01:12:12'],
      ['Deadline', '0001-01-01 01:12:12'],
      ['WaitingTime', '753.441ms'],
      ['ProcessingTime', '1m23.585764152s'],
      ['Retries', 0],
    ]);
    expect(table).toBe(`\
+-------------------+------------------------------------------------------------------+
| ID                | 6681946db095e0dc2e0408b87e119c0d2ae4f691db6899b829161fc97f14a1d0 |
| IsAssigned        | True                                                             |
| AssignedRuntimeID | 66f55dcb577ca6ed466ad5fcab868673bc1fc7d6ea7db71a0af4fea86035c431 |
| State             | Running                                                          |
| SubmissionTime    | 2022-04-05 16:40:00                                              |
| StartTime         | 2022-04-05 16:40:01                                              |
| EndTime           | 0001-01-01 01:12:12                                              |
| Deadline          | 0001-01-01 01:12:12                                              |
| WaitingTime       | 753.441ms                                                        |
| ProcessingTime    | 1m23.585764152s                                                  |
| Retries           | 0                                                                |
+-------------------+------------------------------------------------------------------+
`);
  });

  it('prints the Attributes table as the founding README shows it', () => {
    const id = '2fe15f1b570c7328854f2374a69e45845ef5a40624ec06c287a51a5732485ecc';
    const header = ['ID', 'Key', 'Value', 'Type'];
    expect(asciiTable([[id, 'TEST', 'testenv', 'Env']], { header })).toBe(`\
+------------------------------------------------------------------+------+---------+------+
|                                ID                                | KEY  |  VALUE  | TYPE |
+------------------------------------------------------------------+------+---------+------+
| 2fe15f1b570c7328854f2374a69e45845ef5a40624ec06c287a51a5732485ecc | TEST | testenv | Env  |
+------------------------------------------------------------------+------+---------+------+
`);
  });

  it('shows header, line, line when there are no rows', () => {
    expect(asciiTable([], { header: ['ID', 'Key'] })).toBe(`\
+----+-----+
| ID | KEY |
+----+-----+
+----+-----+
`);
  });

  it('right-aligns pure numbers only where it is asked to', () => {
    const header = ['ID', 'Long_name.here'];
    expect(asciiTable([['a', '12']], { header })).toContain('| a  | 12             |');
    expect(asciiTable([['a', '12']], { header, alignNumbers: true })).toBe(`\
+----+----------------+
| ID | LONG NAME HERE |
+----+----------------+
| a  |             12 |
+----+----------------+
`);
  });

  it('reflows long cells at 30 columns and leaves the other cells of those lines empty', () => {
    const text = 'the quick brown fox jumps over the lazy dog again';
    expect(asciiTable([['Value', text]])).toBe(`\
+-------+--------------------------------+
| Value | the quick brown fox jumps over |
|       | the lazy dog again             |
+-------+--------------------------------+
`);
  });

  it('counts code points, not bytes', () => {
    expect(
      asciiTable([
        ['naïve', 'x'],
        ['plain', 'y'],
      ]),
    ).toBe(`\
+-------+---+
| naïve | x |
| plain | y |
+-------+---+
`);
  });

  it('does not let a value break the frame or command the terminal', () => {
    const table = asciiTable([['a', '\u001b[31mred\t']]);
    expect(table).not.toContain('\u001b');
    expect(table).not.toContain('\t');
    expect(asciiTable([['a\nb', 'c']])).toContain('| a b | c |');
  });
});

describe('line breaking', () => {
  it('never cuts a word, and lets a longer word set the width', () => {
    expect(wrap(`${COLONY} ${RUNTIME}`, 30)).toEqual([COLONY, RUNTIME]);
  });

  it('keeps every line within the limit and loses nothing', () => {
    const words = 'aaa bb c dddd eeeee ff ggg h iiiii jj kkk llll mm n ooooo pp'.split(' ');
    const lines = wrap(words.join(' '), 12);
    expect(lines.join(' ')).toBe(words.join(' '));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(12);
  });

  it('cuts long values by characters, never inside one', () => {
    expect(cut('ååååå', 3)).toBe('ååå...');
    expect(cut('🙂🙂🙂🙂', 3)).toBe('🙂🙂🙂...');
    expect(cut('abc', 3)).toBe('abc');
  });
});

describe('tables of 1.9', () => {
  it('prints a list with a header as the original did', () => {
    expect(roundedTable([['dev', COLONY]], { header: ['Name', 'ColonyId'] })).toBe(`\
╭──────┬──────────────────────────────────────────────────────────────────╮
│ NAME │ COLONYID                                                         │
├──────┼──────────────────────────────────────────────────────────────────┤
│ dev  │ 4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4 │
╰──────┴──────────────────────────────────────────────────────────────────╯
`);
  });

  it('prints a title above the columns as the original did', () => {
    const rows = [
      ['ColoniesServer', 'localhost:50080'],
      ['TLS', 'false'],
      ['Colony', 'dev'],
    ];
    expect(roundedTable(rows, { title: 'Current configuration' })).toBe(`\
╭──────────────────────────────────╮
│ Current configuration            │
├────────────────┬─────────────────┤
│ ColoniesServer │ localhost:50080 │
│ TLS            │ false           │
│ Colony         │ dev             │
╰────────────────┴─────────────────╯
`);
  });

  it('prints title and header together as the original did', () => {
    const table = roundedTable([['k', 'v']], { title: 'Attributes', header: ['Key', 'Value'] });
    expect(table).toBe(`\
╭─────────────╮
│ Attributes  │
├─────┬───────┤
│ KEY │ VALUE │
├─────┼───────┤
│ k   │ v     │
╰─────┴───────╯
`);
  });

  it('widens the last column for a long title', () => {
    expect(roundedTable([['a', 'b']], { title: 'A long title' })).toBe(`\
╭──────────────╮
│ A long title │
├───┬──────────┤
│ a │ b        │
╰───┴──────────╯
`);
  });

  it('draws ASCII borders on request', () => {
    expect(roundedTable([['a', 'b']], { header: ['x', 'y'], ascii: true })).toBe(`\
+---+---+
| X | Y |
+---+---+
| a | b |
+---+---+
`);
  });
});
