// The commands of 2022 against a development server, in the environment of examples/devenv.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldOf, startWorld, type World } from './world.ts';

const COLONY = '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4';
const RUNTIME = '3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac';

let w: World;
beforeAll(async () => {
  w = await startWorld();
});
afterAll(() => w.stop());

const specFile = (name: string, spec: object): string => {
  const file = join(w.home, name);
  writeFileSync(file, JSON.stringify(spec));
  return file;
};

/** Submits a process for the runtime `cli` and gives its id. */
const submit = async (more: object = {}): Promise<string> => {
  const spec = { conditions: { runtimetype: 'cli' }, cmd: 'sleep', args: ['100'], ...more };
  const { code, err } = await w.run(`process submit --spec ${specFile('p.json', spec)} --insecure`);
  expect(code).toBe(0);
  return fieldOf(err, 'processID');
};

const assign = async (): Promise<string> =>
  fieldOf((await w.run('process assign --insecure')).err, 'processID');

describe('process submit', () => {
  it('logs the id, fills in the colony and unlimited time', async () => {
    const file = specFile('sleep.json', { conditions: { runtimetype: 'other' }, cmd: 'sleep' });
    const { code, out, err } = await w.run(`process submit --spec ${file} --insecure --json`);
    expect(code).toBe(0);
    expect(err).toMatch(/level=info msg="Process submitted" processID=[0-9a-f]{64}\n$/);
    const process = JSON.parse(out);
    expect(process.spec).toMatchObject({ cmd: 'sleep', maxexectime: -1, env: {} });
    expect(process.spec.conditions.colonyid).toBe(COLONY);
    await w.run(`process delete --processid ${process.processid} --insecure`);
  });

  it('needs a colony from somewhere', async () => {
    const file = specFile('sleep.json', { conditions: { runtimetype: 'x' }, cmd: 'sleep' });
    const env = { ...w.runtimeEnv, COLONIES_COLONYID: '' };
    const { code, err } = await w.run(`process submit --spec ${file}`, { env });
    expect(code).toBe(255);
    expect(err).toContain(
      'msg="Unknown Colony Id, please set COLONYID env variable or specify ColonyID in JSON file"',
    );
  });

  it('says what is wrong with the file', async () => {
    const missing = await w.run('process submit --spec nothere.json');
    expect(missing.code).toBe(255);
    expect(missing.err).toContain('msg="open nothere.json: no such file or directory"');
    const file = join(w.home, 'bad.json');
    writeFileSync(file, '{"cmd": ');
    expect((await w.run(`process submit --spec ${file}`)).err).toContain('is not JSON');
    writeFileSync(file, '[]');
    expect((await w.run(`process submit --spec ${file}`)).err).toContain('holds no JSON object');
  });

  it('with --wait prints the output as it is and ends with 255 for a failure', async () => {
    const file = specFile('w.json', { conditions: { runtimetype: 'cli' }, cmd: 'x' });
    const waiting = w.run(`process submit --spec ${file} --wait`);
    let id = '';
    await expect
      .poll(async () => {
        const { err } = await w.run('process assign');
        id = /processID=(\w+)/.exec(err)?.[1] ?? '';
        return id;
      })
      .not.toBe('');
    await w.run(`attribute add --key output --value 'no newline' --processid ${id}`);
    await w.run(`process close --processid ${id}`);
    expect(await waiting).toMatchObject({ code: 0, out: 'no newline' });

    const failing = w.run(`process submit --spec ${file} --wait`);
    await expect
      .poll(async () => {
        id = /processID=(\w+)/.exec((await w.run('process assign')).err)?.[1] ?? '';
        return id;
      })
      .not.toBe('');
    await w.run(`process fail --processid ${id}`);
    const ended = await failing;
    expect(ended.code).toBe(255);
    expect(ended.err).toContain('msg="Process ended as Failed"');
  });
});

describe('a process from submission to its end', () => {
  it('shows in the lists and in the four tables of the README', async () => {
    const id = await submit({ env: { TEST: 'testenv' } });
    const waiting = await w.run('process psw --insecure');
    expect(waiting.out).toContain('|   SUBMISSION TIME   | RUNTIME TYPE |');
    expect(waiting.out).toContain(`| ${id} | sleep | 100  |`);

    expect(await assign()).toBe(id);
    const running = await w.run('process ps --insecure');
    expect(running.out.split('\n')[1]).toBe(
      '|                                ID                                |  CMD  | ARGS |' +
        '     START TIME      | TARGET RUNTIME |',
    );

    const { code, out } = await w.run(`process get --processid ${id} --insecure`);
    expect(code).toBe(0);
    const shown = out
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2022-04-05 16:40:01')
      .replace(/(\| (?:WaitingTime|ProcessingTime) +\| )\S+ +\|/g, `$1${'T'.padEnd(64)} |`);
    const attribute = / ([0-9a-f]{64}) \| TEST /.exec(out)?.[1];
    expect(shown).toBe(`\
Process:
+-------------------+------------------------------------------------------------------+
| ID                | ${id} |
| IsAssigned        | True                                                             |
| AssignedRuntimeID | ${RUNTIME} |
| State             | Running                                                          |
| SubmissionTime    | 2022-04-05 16:40:01                                              |
| StartTime         | 2022-04-05 16:40:01                                              |
| EndTime           | 2022-04-05 16:40:01                                              |
| Deadline          | 2022-04-05 16:40:01                                              |
| WaitingTime       | T                                                                |
| ProcessingTime    | T                                                                |
| Retries           | 0                                                                |
+-------------------+------------------------------------------------------------------+

ProcessSpec:
+-------------+-------+
| Cmd         | sleep |
| Args        | 100   |
| Volumes     | None  |
| MaxExecTime | -1    |
| MaxRetries  | 0     |
+-------------+-------+

Conditions:
+-------------+------------------------------------------------------------------+
| ColonyID    | ${COLONY} |
| RuntimeIDs  | None                                                             |
| RuntimeType | cli                                                              |
| Memory      | 0                                                                |
| CPU Cores   | 0                                                                |
| GPUs        | 0                                                                |
+-------------+------------------------------------------------------------------+

Attributes:
+------------------------------------------------------------------+------+---------+------+
|                                ID                                | KEY  |  VALUE  | TYPE |
+------------------------------------------------------------------+------+---------+------+
| ${attribute} | TEST | testenv | Env  |
+------------------------------------------------------------------+------+---------+------+
`);

    const added = await w.run(`attribute add --key result --value 42 --processid ${id}`);
    const attributeid = fieldOf(added.err, 'attributeID');
    expect((await w.run(`attribute get --attributeid ${attributeid}`)).out).toBe(`\
+---------------+------------------------------------------------------------------+
| ID            | ${attributeid} |
| TargetID      | ${id} |
| AttributeType | Out                                                              |
| Key           | result                                                           |
| Value         | 42                                                               |
+---------------+------------------------------------------------------------------+
`);

    const closed = await w.run(`process close --processid ${id} --insecure`);
    expect(closed.err).toContain(`msg="Process closed as Successful" processID=${id}\n`);
    expect((await w.run('process pss')).out).toContain(id);
    const json = await w.run('process pss --count 1 --json');
    expect(JSON.parse(json.out)).toHaveLength(1);
  });

  it('shows image and ports only when there are any, long values cut by characters', async () => {
    const env = { LONG: 'å'.repeat(40) };
    const id = await submit({ image: 'ubuntu', ports: ['80:80', '443:443'], env });
    const { out } = await w.run(`process get --processid ${id}`);
    expect(out).toContain('| Image       | ubuntu        |');
    expect(out).toContain('| Ports       | 80:80 443:443 |');
    expect(out).toContain(`| ${'å'.repeat(30)}... |`);
    expect((await w.run(`process delete --processid ${id}`)).err).toContain(
      'msg="Process deleted"',
    );
    const gone = await w.run(`process get --processid ${id}`);
    expect(gone.code).toBe(255);
    expect(gone.err).toContain('level=warning msg="Process not found"');
  });

  it('fails with process fail', async () => {
    await submit();
    const id = await assign();
    expect((await w.run(`process fail --processid ${id}`)).err).toContain(
      `msg="Process closed as Failed" processID=${id}\n`,
    );
    expect((await w.run('process psf')).out).toContain(id);
  });
});

describe('empty lists', () => {
  it('are a warning, and an empty JSON list', async () => {
    const { code, out, err } = await w.run('process ps --insecure');
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('level=warning msg="No running processes found"\n');
    expect((await w.run('process ps --json')).out).toBe('[]\n');
  });

  it('of waiting processes make assign a warning', async () => {
    const { code, err } = await w.run('process assign --insecure');
    expect(code).toBe(0);
    expect(err).toContain('level=warning msg="No process was assigned"');
    expect((await w.run('process assign --json')).out).toBe('null\n');
  });
});

describe('deleting everything', () => {
  it('asks, and goes on only with the exact line YES', async () => {
    const id = await submit();
    const refused = await w.run('process deleteall --insecure', { input: ['yes'] });
    expect(refused.out).toBe(
      'WARNING!!! Are you sure you want to delete all process in the Colony ' +
        'This operation cannot be undone! (YES,no): ',
    );
    expect(refused.err).toContain('msg="Aborting ..."');
    expect((await w.run('process psw')).out).toContain(id);
    const done = await w.run('process deleteall --insecure', { input: ['YES'] });
    expect(done.err).toContain(`msg="Deleting all processes in Colony" colonyID=${COLONY}`);
    expect((await w.run('process psw')).out).toBe('');
    expect((await w.run('process deleteall --yes --json')).out).toContain(COLONY);
  });
});

describe('colonies and runtimes', () => {
  it('are registered with new keys that stay in the keychain', async () => {
    const colonyFile = specFile('colony.json', { name: 'example_colony', colonyid: 'ignored' });
    const colony = fieldOf((await w.run(`colony register --spec ${colonyFile}`)).err, 'colonyID');
    expect((await w.run(`keychain get --id ${colony}`)).err).toMatch(/privateKey=[0-9a-f]{64}/);
    expect((await w.run('colony ls')).out).toContain(`| ${colony} | example_colony |`);

    const runtimeFile = specFile('runtime.json', {
      name: 'hal9000',
      runtimetype: '9000',
      cores: 9,
    });
    const args = `--spec ${runtimeFile} --colonyid ${colony}`;
    const runtime = fieldOf((await w.run(`runtime register ${args}`)).err, 'runtimeID');
    const env = { ...w.runtimeEnv, COLONIES_COLONYID: colony, COLONIES_RUNTIMEID: runtime };
    expect((await w.run('runtime ls', { env })).out).toBe(`\
+------------------------------------------------------------------+---------+------+
|                                ID                                |  NAME   | TYPE |
+------------------------------------------------------------------+---------+------+
| ${runtime} | hal9000 | 9000 |
+------------------------------------------------------------------+---------+------+
`);
    expect((await w.run('runtime ls --full', { env })).out).toContain(
      '| State                          | Pending',
    );
    for (const [name, word, state] of [
      ['approve', 'approved', 1],
      ['reject', 'rejected', 2],
    ] as const) {
      const changed = await w.run(`runtime ${name} --runtimeid ${runtime}`, { env });
      expect(changed.err).toContain(
        `msg="Runtime ${word}" colonyID=${colony} runtimeID=${runtime}\n`,
      );
      const [listed] = JSON.parse((await w.run('runtime ls --json', { env })).out);
      expect(listed.state).toBe(state);
    }
    const left = await w.run(`runtime unregister --runtimeid ${runtime}`, { env });
    expect(left.err).toContain('msg="Runtime unregistered"');
    const none = await w.run('runtime ls --json', { env });
    expect(none.out).toBe('[]\n');
    const gone = await w.run(`colony unregister --colonyid ${colony}`);
    expect(gone.err).toContain(`msg="Colony unregistered" colonyID=${colony}\n`);
    expect((await w.run('colony ls')).out).not.toContain(colony);
  });

  it('take a given key of 64 characters and no other', async () => {
    const file = specFile('colony.json', { name: 'given' });
    const { code, err } = await w.run(`colony register --spec ${file} --colonyprvkey abc`);
    expect(code).toBe(255);
    expect(err).toContain('msg="invalid private key length"');
  });

  it('show their statistics with the key of the runtime, or of the colony', async () => {
    const { out } = await w.run('colony status');
    expect(out.split('\n')[0]).toBe('Process statistics:');
    for (const row of ['Waiting processes ', 'Running processes ', 'Avg processing time (1 h)']) {
      expect(out).toContain(`| ${row}`);
    }
    const env = { ...w.runtimeEnv, COLONIES_RUNTIMEID: '', COLONIES_RUNTIMEPRVKEY: '' };
    const byOwner = await w.run('colony status', { env });
    expect(byOwner.code).toBe(0);
    const json = JSON.parse((await w.run('colony status --json', { env })).out);
    expect(json).toMatchObject({ colonyid: COLONY, runtimes: 1 });
  });
});

describe('server status', () => {
  it('shows the versions in the table of 2022', async () => {
    const { out } = await w.run('server status --insecure');
    const names = [...out.matchAll(/^\| ([A-Z]\w+ \w+) /gm)].map((match) => match[1]);
    expect(names).toEqual([
      'Server Host',
      'Server Port',
      'CLI Version',
      'CLI BuildTime',
      'Server Version',
      'Server BuildTime',
    ]);
  });
});

describe('the keychain', () => {
  it('keeps no key of what the server refused, unless it was there before', async () => {
    const colony = specFile('refused.json', { name: 'refused' });
    const runtime = specFile('refused-runtime.json', { name: 'refused', runtimetype: 'r' });
    const stranger = '1'.repeat(64);
    const lines = [
      `colony register --spec ${colony} --serverprvkey ${stranger}`,
      `runtime register --spec ${runtime} --colonyprvkey ${stranger}`,
      `executor create --name refused --type r --colonyprvkey ${stranger}`,
    ];
    const kept = () => readdirSync(join(w.home, '.colonies')).sort();
    const before = kept();
    for (const line of lines) {
      const { code, err } = await w.run(line);
      expect([code, err]).toEqual([255, expect.stringContaining('level=error')]);
      expect(kept()).toEqual(before);
    }
    const id = fieldOf((await w.run('keychain generate')).err, 'ID');
    const key = fieldOf((await w.run(`keychain get --id ${id}`)).err, 'privateKey');
    await w.run(`${lines[0]} --colonyprvkey ${key}`);
    expect(kept()).toEqual([...before, id].sort());
    // Without an answer it may be registered.
    await w.run(`${lines[0]} --host localhost --port 9`);
    expect(kept()).toHaveLength(before.length + 2);
  });

  it('keeps, finds and makes keys', async () => {
    const id = fieldOf((await w.run('keychain generate')).err, 'ID');
    const key = fieldOf((await w.run(`keychain get --id ${id}`)).err, 'privateKey');
    expect(await w.run(`keychain add --id ${id} --prvkey ${key}`)).toEqual({
      code: 0,
      out: '',
      err: '',
    });
    const none = await w.run(`keychain get --id ${'0'.repeat(64)}`);
    expect(none.code).toBe(255);
    expect(none.err).toContain(`No private key found for identity ${'0'.repeat(64)}`);
  });
});
