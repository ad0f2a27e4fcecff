import { describe, expect, it } from 'vitest';
import { parseCommand, splitPath } from '../../src/cli/args.ts';
import { command } from '../../src/cli/command.ts';

const sample = command({
  path: ['process', 'get'],
  summary: 'Show',
  examples: [],
  flags: {
    processid: { kind: 'string', short: 'p', help: 'Id', required: true },
    count: { kind: 'int', help: 'Count', default: 20 },
    since: { kind: 'int', help: 'Since' },
    server: { kind: 'list', help: 'Servers' },
    ids: { kind: 'bool', short: 'i', help: 'Ids' },
  },
  run: () => undefined,
});

const parse = (...argv: string[]) => parseCommand(sample, argv);

describe('flags', () => {
  it.each([['--processid', 'ab'], ['--processid=ab'], ['-p', 'ab'], ['-pab'], ['-p=ab']])(
    'are read in the form %s %s',
    (...argv) => {
      expect(parse(...(argv.filter(Boolean) as string[])).values['processid']).toBe('ab');
    },
  );

  it('take the next word as it is, also when it begins with a dash', () => {
    expect(parse('-p', '--odd', '--since', '-5').values).toMatchObject({
      processid: '--odd',
      since: -5,
    });
  });

  it('have their defaults, and lists are never undefined', () => {
    expect(parse('-p', 'a').values).toEqual({
      processid: 'a',
      count: 20,
      since: undefined,
      server: [],
      ids: undefined,
    });
  });

  it('collect what is given several times only when they are lists', () => {
    const { values } = parse('-p', 'a', '-p', 'b', '--server', 'x', '--server', 'y');
    expect(values).toMatchObject({ processid: 'b', server: ['x', 'y'] });
  });

  it('of every command are the global ones too, in any place', () => {
    const { globals } = parse('--insecure', '-p', 'a', '-v', '--json', '--skip-tls-verify=false');
    expect(globals).toEqual({ insecure: true, skipTlsVerify: false, verbose: true, json: true });
  });

  it('may be grouped when they are short', () => {
    const { values, globals } = parse('-iv', '-p', 'a');
    expect([values['ids'], globals.verbose]).toEqual([true, true]);
  });
});

describe('wrong usage has the texts of the originals', () => {
  it.each([
    [['-p', 'a', '--username'], 'unknown flag: --username'],
    [['-p', 'a', '-x'], "unknown shorthand flag: 'x' in -x"],
    [['--processid'], 'flag needs an argument: --processid'],
    [['-p'], "flag needs an argument: 'p' in -p"],
    [[], 'required flag(s) "processid" not set'],
    [
      ['-p', 'a', '--count', 'many'],
      'invalid argument "many" for "--count" flag: strconv.ParseInt: parsing "many": invalid syntax',
    ],
    [
      ['-p', 'a', '--count', '99999999999999999999'],
      'invalid argument "99999999999999999999" for "--count" flag: strconv.ParseInt: ' +
        'parsing "99999999999999999999": value out of range',
    ],
    [
      ['-p', 'a', '--ids=maybe'],
      'invalid argument "maybe" for "-i, --ids" flag: strconv.ParseBool: ' +
        'parsing "maybe": invalid syntax',
    ],
    [['-p', 'a', 'extra'], 'unexpected argument "extra"'],
    [['-p', 'a', '--__proto__', 'x'], 'unknown flag: --__proto__'],
    [['-p', 'a', '--constructor'], 'unknown flag: --constructor'],
  ])('%j', (argv, text) => {
    expect(() => parse(...argv)).toThrow(text);
  });

  it('names every missing flag, sorted', () => {
    const two = command({
      path: ['x'],
      summary: '',
      examples: [],
      flags: {
        value: { kind: 'string', help: '', required: true },
        key: { kind: 'string', help: '', required: true },
      },
      run: () => undefined,
    });
    expect(() => parseCommand(two, [])).toThrow('required flag(s) "key", "value" not set');
  });

  it('is not looked for when help is wanted', () => {
    expect(parse('--help').help).toBe(true);
  });
});

describe('arguments without a flag', () => {
  const resolve = command({
    path: ['federation', 'resolve'],
    summary: '',
    examples: [],
    flags: {},
    positionals: ['colonyid', 'depth?'],
    run: () => undefined,
  });

  it('are taken when the command declares them', () => {
    expect(parseCommand(resolve, ['C', '--json']).positionals).toEqual(['C']);
    expect(parseCommand(resolve, ['C', '2']).positionals).toEqual(['C', '2']);
  });

  it('are missed when they are not optional', () => {
    expect(() => parseCommand(resolve, [])).toThrow('missing argument: colonyid');
  });
});

describe('the words that name a command', () => {
  it('are found among flags that stand before them', () => {
    const argv = ['--insecure', '--host', 'example', 'process', '--port=1', 'ps', '-v'];
    expect(splitPath(argv, (flag) => flag === 'host').words).toEqual(['process', 'ps']);
  });
});
