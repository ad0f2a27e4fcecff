import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { TREE } from '../../src/cli/tree.ts';
import { runIn } from './world.ts';

const run = (...args: string[]) => runIn('/nowhere', args);
const all = async (): Promise<readonly Command[]> =>
  (await Promise.all(TREE.map((group) => group.load()))).flat();

describe('help', () => {
  it('is printed for the program alone, and lists every group', async () => {
    const { code, out } = await run();
    expect(code).toBe(0);
    for (const { name } of TREE) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect((await run('--help')).out).toBe(out);
    expect((await run('help')).out).toBe(out);
  });

  it('is printed for a group alone', async () => {
    const { code, out } = await run('process');
    expect(code).toBe(0);
    expect(out).toContain('colonies process [command]');
    expect(out).toMatch(/^ {2}ps +List running processes$/m);
    expect((await run('process', '--help')).out).toBe(out);
    expect((await run('help', 'process')).out).toBe(out);
  });

  it('of an unknown command in a group is the help of the group', async () => {
    const { code, out } = await run('function', 'get', '--help');
    expect(code).toBe(0);
    expect(out).toContain('colonies function [command]');
  });

  it('of a server names the values of settings that take only some', async () => {
    const { out } = await run('server', 'start', '--help');
    expect(out).toMatch(/--address-policy string .*: test, lan, public$/m);
    expect(out).toMatch(/--federation-mode string .*: open, federated, closed$/m);
    expect(out).toMatch(/--relay string .*: certified, trusted, off$/m);
    expect(out).toMatch(/--crypto-engine string .*: auto, native, wasm, pure$/m);
  });

  it('of every command shows usage, an example and its flags', async () => {
    for (const cmd of await all()) {
      const { code, out } = await run(...cmd.path, '--help');
      expect(code).toBe(0);
      expect(out.startsWith(cmd.summary)).toBe(true);
      expect(out).toContain('Examples:\n');
      for (const name of Object.keys(cmd.flags)) expect(out).toContain(`--${name}`);
      expect(out).toContain('--insecure');
      expect(await run('help', ...cmd.path)).toEqual({ code, out, err: '' });
    }
  });

  it('is declared in one way: unique paths, summaries without a full stop, own examples', async () => {
    const commands = await all();
    const paths = commands.map((cmd) => cmd.path.join(' '));
    expect(new Set(paths).size).toBe(paths.length);
    for (const cmd of commands) {
      expect(cmd.summary).not.toMatch(/\.$/);
      expect(cmd.examples.length).toBeGreaterThan(0);
      expect(cmd.examples.join('\n')).toContain('colonies ');
      expect(TREE.map((group) => group.name)).toContain(cmd.path[0]);
    }
  });
});

describe('wrong usage', () => {
  it('of an unknown command names it, suggests and ends with 1', async () => {
    const { code, out, err } = await run('proces');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      'Error: unknown command "proces" for "colonies"\n\nDid you mean this?\n\tprocess\n\n' +
        'Run \'colonies --help\' for usage.\nunknown command "proces" for "colonies"\n',
    );
  });

  it('of an unknown command in a group ends with 1', async () => {
    const { code, err } = await run('process', 'list');
    expect(code).toBe(1);
    expect(err).toContain('unknown command "list" for "colonies process"');
  });

  it('prints the error, the usage and the error again', async () => {
    const { code, out, err } = await run('user', 'get', '--username', 'x');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^Error: unknown flag: --username\nUsage:\n {2}colonies user get \[flags\]/,
    );
    expect(err).toMatch(/\n\nunknown flag: --username\n$/);
  });

  it('of a flag where only a group is named ends with 1', async () => {
    expect(await run('--nosuch')).toMatchObject({
      code: 1,
      out: '',
      err: "Error: unknown flag: --nosuch\nRun 'colonies --help' for usage.\nunknown flag: --nosuch\n",
    });
    expect((await run('--version')).err).toContain("'colonies version'");
    expect((await run('process', '-x')).err).toContain("Run 'colonies process --help'");
    const known = ['--insecure', '--skip-tls-verify', '-v', '--json', '--host=a', '--port', '1'];
    expect((await run('process', ...known)).code).toBe(0);
    expect((await run(...known)).code).toBe(0);
  });

  it('does not take a flag name of objects for a flag', async () => {
    expect((await run('constructor')).code).toBe(1);
    expect((await run('process', '__proto__')).code).toBe(1);
  });
});

describe('commands that call no server', () => {
  it('print the version', async () => {
    const { out } = await run('version');
    expect(out).toMatch(/│ CLI version +│ \d+\.\d+\.\d+ +│/);
    expect(JSON.parse((await run('version', '--json')).out)).toHaveProperty('version');
  });

  it('print the configuration, in ASCII on request', async () => {
    const env = {
      COLONIES_SERVER_HOST: 'localhost',
      COLONIES_SERVER_PORT: '50080',
      COLONIES_TLS: 'false',
      COLONIES_COLONY_NAME: 'dev',
      COLONIES_CLI_ASCII: 'true',
    };
    const { out } = await runIn('/nowhere', ['config'], { env });
    expect(out).toBe(`\
+----------------------------------+
| Current configuration            |
+----------------+-----------------+
| ColoniesServer | localhost:50080 |
| TLS            | false           |
| Colony         | dev             |
+----------------+-----------------+
`);
    const json = await runIn('/nowhere', ['config', '--json'], { env });
    expect(JSON.parse(json.out)).toEqual({
      host: 'localhost',
      port: 50080,
      tls: false,
      colony: 'dev',
    });
  });

  it('have no database to make, and go on; do not claim to have dropped one', async () => {
    const { code, err } = await run('database', 'create', '--dbhost', 'x');
    expect(code).toBe(0);
    expect(err).toContain('level=info msg="Nothing to create: a server makes its data folder');
    const dropped = await run('database', 'drop');
    expect(dropped.code).toBe(1);
    expect(dropped.err).toContain('Nothing was dropped');
  });

  it('compute the id of a key', async () => {
    const key = 'ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05';
    const id = '3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac';
    const { err } = await run('security', 'id', '--prvkey', key);
    expect(err).toContain(`msg="Corresponding Id for the given private key" Id=${id}\n`);
    const bad = await run('security', 'id', '--prvkey', 'abc');
    expect(bad.code).toBe(255);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'])(
    'for %s knows every command and flag',
    async (s) => {
      const { code, out } = await run('completion', s);
      expect(code).toBe(0);
      for (const cmd of await all()) expect(out).toContain(`'${cmd.path.join(' ')}'`);
      expect(out).toContain('--processid');
    },
  );

  it('works in bash: after commands, flags, values of flags and the word help', async () => {
    const { out } = await run('completion', 'bash');
    const offers = (...typed: string[]): readonly string[] => {
      const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _colonies; echo \${COMPREPLY[@]}`;
      const args = ['-c', `${out}\n${ask}`, 'bash', 'colonies', ...typed];
      return execFileSync('bash', args, { encoding: 'utf8' }).trim().split(' ');
    };
    expect(offers('pro')).toEqual(['process']);
    expect(offers('process', 'ps')).toEqual(['ps', 'psc', 'psf', 'pss', 'psw']);
    expect(offers('--insecure', '--host', 'example.org', 'process', 'g')).toEqual(['get']);
    expect(offers('process', 'get', '--processid', 'x', '--js')).toEqual(['--json']);
    expect(offers('federation', 'members', '')).toContain('copy');
    expect(offers('help', 'process', 'g')).toEqual(['get']);
    expect(offers('process', 'submit', '--spec', 'examp')).toEqual(['']);
    expect(offers('he')).toEqual(['help']);
  });
});
