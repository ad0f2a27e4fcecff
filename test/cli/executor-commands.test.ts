// The commands of 1.9 against a development server, in the environment of examples/devenv-executor.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldOf, type RunOptions, startWorld, type World } from './world.ts';

let w: World;
let run: (line: string, options?: RunOptions) => ReturnType<World['run']>;
beforeAll(async () => {
  w = await startWorld();
  run = (line, options) => w.run(line, { env: w.executorEnv, ...options });
});
afterAll(() => w.stop());

const json = async (line: string) => JSON.parse((await run(`${line} --json`)).out);
const newId = async (): Promise<readonly [id: string, key: string]> => {
  const { err } = await run('security generate');
  return [fieldOf(err, 'Id'), fieldOf(err, 'PrvKey')];
};

describe('colonies', () => {
  it('are added, checked, listed, counted and removed', async () => {
    const [id] = await newId();
    const added = await run(`colony add --name extra --colonyid ${id}`);
    expect(added.err).toContain(`msg="Colony added" ColonyID=${id} ColonyName=extra\n`);
    expect((await run('colony ls')).out).toContain(`│ extra │ ${id} │`);
    expect((await json('colony ls')).map((c: { name: string }) => c.name)).toContain('extra');
    expect((await run('colony check --name dev')).err).toContain(
      'msg="Colony exists" ColonyName=dev\n',
    );
    expect((await run('colony check --name nope')).code).toBe(255);
    expect((await run('colony stats')).out).toContain('│ Colony                 │ dev │');
    expect((await run('colony remove --name extra')).err).toContain(
      'msg="Colony removed" ColonyName=extra\n',
    );
    expect((await run('colony ls')).out).not.toContain('extra');
  });
});

describe('users', () => {
  it('are added, listed, shown and removed', async () => {
    const [id, key] = await newId();
    const added = await run(`user add --name ann --userid ${id} --email a@b.c`);
    expect(added.err).toContain(
      `msg="User added" ColonyName=dev Email=a@b.c Phone= UserId=${id} Username=ann\n`,
    );
    expect((await run('user ls')).out).toContain('│ ann      │ a@b.c │       │');
    expect((await run('user get --name ann')).out).toBe(`\
╭──────────┬──────────────────────────────────────────────────────────────────╮
│ Username │ ann                                                              │
│ UserId   │ ${id} │
│ Phone    │                                                                  │
│ Email    │ a@b.c                                                            │
│ Colony   │ dev                                                              │
╰──────────┴──────────────────────────────────────────────────────────────────╯
`);
    const [other] = await newId();
    const changed = await run(`user chid --userid ${other} --prvkey ${key}`);
    expect(changed.code).toBe(0);
    expect((await json('user get --name ann')).userid).toBe(other);

    const kept = await run('user remove --name ann', { input: ['no'] });
    expect(kept.out).toBe(
      'WARNING!!! Are you sure you want to remove user <ann> in colony <dev> ! (YES,no): ',
    );
    expect(kept.err).not.toContain('User removed');
    await run('user remove --name ann', { input: ['YES'] });
    expect((await run('user get --name ann')).code).toBe(255);
  });

  it('need an id of 64 characters', async () => {
    const { code, err } = await run('user add --name bob --userid short');
    expect(code).toBe(255);
    expect(err).toContain('User Id must be 64 characters');
  });
});

describe('executors', () => {
  it('are added, approved, rejected, shown and removed', async () => {
    const [id, key] = await newId();
    const added = await run(`executor add --executorid ${id} --name ex1 --type tester --approve`);
    expect(added.err).toContain('msg="Approving Executor" ExecutorName=ex1\n');
    expect(added.err).toContain(
      `msg="Executor added" ColonyName=dev ExecutorID=${id} ExecutorName=ex1 ExecutorType=tester\n`,
    );
    const again = await run(`executor add --executorid ${id} --name ex1 --type tester`);
    expect(again.code).toBe(255);
    expect(again.err).toMatch(
      /level=error msg="Executor with name <ex1> in Colony <dev> already exists" BuildTime=\S* BuildVersion=\S*\n/,
    );
    expect((await run('executor ls --type tester')).out).toMatch(/│ ex1 +│ tester │ n\/a +│/);
    expect((await run('executor get --name ex1')).out).toContain(
      '│ State                   │ Approved',
    );
    expect((await run('executor reject --name ex1')).err).toContain('msg="Executor rejected"');
    expect((await json('executor get --name ex1')).state).toBe(2);
    await run('executor approve --name ex1');
    const [other] = await newId();
    await run(`executor chid --executorid ${other} --prvkey ${key}`);
    expect((await json('executor get --name ex1')).executorid).toBe(other);
    expect((await run('executor remove --name ex1')).err).toContain(
      'msg="Executor removed" ColonyName=dev ExecutorName=ex1\n',
    );
    expect(await json('executor ls --type tester')).toEqual([]);
    expect((await run('executor ls --all --type tester')).out).toContain('Unregistered');
  });

  it('are created with a key in private files, or in the keychain', async () => {
    const keypath = join(w.home, 'ex.key');
    const idpath = join(w.home, 'ex.id');
    await run(`executor create --name ex2 --type t --keypath ${keypath} --idpath ${idpath}`);
    expect(readFileSync(keypath, 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(keypath).mode & 0o777).toBe(0o600);
    const found = await json('executor get --name ex2');
    expect(readFileSync(idpath, 'utf8')).toBe(found.executorid);

    const spec = join(w.home, 'ex3.json');
    writeFileSync(spec, JSON.stringify({ executorname: 'ex3', executortype: 't' }));
    const id = fieldOf((await run(`executor create --spec ${spec}`)).err, 'ExecutorID');
    expect(existsSync(join(w.home, '.colonies', id))).toBe(true);
    expect((await run('executor create --name x --type t --keypath only')).code).toBe(1);
    expect((await run('executor create')).code).toBe(1);
  });
});

describe('functions', () => {
  it('are registered by their executor, listed and removed', async () => {
    expect((await run('function ls')).err).toContain('msg="No functions found" ColonyName=dev\n');
    expect(await json('function ls')).toEqual([]);
    const added = await run('function register --name cli --func helloworld');
    const id = fieldOf(added.err, 'FunctionId');
    expect((await run('function ls')).out).toContain('│ Function     │ helloworld');
    expect((await run('executor get --name cli')).out).toContain('helloworld');
    await run(`function remove --functionid ${id}`);
    expect(await json('function ls')).toEqual([]);
  });
});

describe('calling a function', () => {
  const exec = async (more = ''): Promise<string> => {
    const { err } = await run(`function exec --func helloworld --targettype cli ${more}`);
    return fieldOf(err, 'ProcessId');
  };

  it('goes through assign, log and close', async () => {
    const id = await exec('--args a,b --kwargs k:v:w,l:2 --env X=1=2 --label lab');
    const spec = (await json(`process get -p ${id}`)).spec;
    expect(spec).toMatchObject({
      funcname: 'helloworld',
      args: ['a', 'b'],
      kwargs: { k: 'v:w', l: '2' },
      env: { X: '1=2' },
      label: 'lab',
      maxwaittime: -1,
      maxretries: -1,
    });
    const assigned = await run('process assign --timeout 5');
    expect(assigned.err).toMatch(
      /msg="Assigned process to executor" ExecutorId=[0-9a-f]{64} ProcessId=/,
    );
    expect(fieldOf(assigned.err, 'ProcessId')).toBe(id);
    await run(`log add -p ${id} -m hello`);
    expect((await run(`log get -p ${id}`)).out).toBe('hello');
    expect((await run('log get -e cli --since 1h')).out).toBe('hello');
    expect((await run('log search --text hell -d 30 --print')).out).toMatch(
      /│ Text +│ hello +│\n╰.*╯\nhello$/,
    );
    expect((await run('process ps')).out).toMatch(
      /│ helloworld │ a b {2}│ k:v:w l:2 │ [\d-]+ [\d:]+ │ cli +│ cli +│ \S+ +│ lab +│/,
    );
    const closed = await run(`process close -p ${id} --out r1,r2`);
    expect(closed.err).toContain(`msg="Process closed as successful" ProcessId=${id}\n`);
    expect((await run(`process get -p ${id} --out`)).out).toBe('r1 r2\n');
    const { out } = await run(`process get -p ${id}`);
    expect(out).toContain('│ Function Specification');
    expect(out).toMatch(/│ State +│ Successful +│/);
    expect(out).toMatch(/│ X +│ 1=2 +│ Env +│/);
    expect((await run('process pss -i')).out).toContain(id);
  });

  it('waits for the output, and follows the log', async () => {
    const [id, key] = await newId();
    await run(`executor add --executorid ${id} --name follower --type follow --approve`);
    const as = `--prvkey ${key}`;
    const waiting = run('function exec --func f --targettype follow --follow --out');
    const processid = fieldOf((await run(`process assign --timeout 10 ${as}`)).err, 'ProcessId');
    await run(`log add -p ${processid} -m one ${as}`);
    await run(`log add -p ${processid} -m two ${as}`);
    await run(`process close -p ${processid} --out done ${as}`);
    const ended = await waiting;
    expect(ended).toMatchObject({ code: 0, out: 'onetwodone\n' });

    const failing = run('function exec --func f --targettype follow --wait');
    const second = fieldOf((await run(`process assign --timeout 10 ${as}`)).err, 'ProcessId');
    await run(`process fail -p ${second} --errors broken ${as}`);
    const failed = await failing;
    expect(failed.code).toBe(255);
    expect(failed.err).toContain('msg="Process ended as Failed" errors="[broken]"');
    expect((await run(`log get -p ${processid} --follow`)).out).toBe('onetwo');
  });

  it('reads a specification from a file', async () => {
    const file = join(w.home, 'f.json');
    writeFileSync(file, JSON.stringify({ funcname: 'g', conditions: { executortype: 'none' } }));
    const { err } = await run(`function submit --spec ${file} --label mine`);
    const process = await json(`process get -p ${fieldOf(err, 'ProcessId')}`);
    expect(process.spec).toMatchObject({ funcname: 'g', label: 'mine', maxexectime: -1 });
    expect(process.spec.conditions.colonyname).toBe('dev');
    expect(await json('process psw --label mine')).toHaveLength(1);
    expect((await run('process psw --label a --executortype b')).code).toBe(1);
  });

  it('is cancelled and removed', async () => {
    const id = await exec();
    expect((await run(`process cancel -p ${id}`)).err).toContain(
      `msg="Process cancelled" ProcessId=${id}\n`,
    );
    expect((await run('process psc -i')).out).toContain(id);
    await run(`process remove -p ${id}`);
    const gone = await run(`process get -p ${id}`);
    expect(gone.code).toBe(255);
    expect(gone.err).toContain('process not found');
  });

  it('is removed with all others of its state after YES', async () => {
    const kept = await run('process removeall --waiting', { input: ['yes'] });
    expect(kept.out).toBe(
      'WARNING!!! Are you sure you want to remove waiting processes in colony <dev>. ' +
        'This operation cannot be undone! (YES,no): ',
    );
    expect(kept.err).toContain('msg="Aborting ..."');
    const asked = await run('process removeall --waiting --json', { input: ['YES'] });
    expect(JSON.parse(asked.out)).toEqual({ ColonyName: 'dev' });
    expect(asked.err).toContain(
      'msg="Removing waiting processes in colony <dev>" ColonyName=dev\n',
    );
    expect(await json('process psw')).toEqual([]);
    expect((await run('process removeall --waiting --failed')).code).toBe(1);
  });
});

describe('the queue', () => {
  it('is paused and resumed', async () => {
    expect((await run('process pause')).err).toContain(
      'msg="Colony process assignments have been paused" Colony=dev\n',
    );
    expect((await run('process status')).err).toContain('are PAUSED" Colony=dev\n');
    await run('process resume');
    expect((await run('process status')).err).toContain('are ACTIVE" Colony=dev\n');
    expect(await json('process status')).toMatchObject({ ispaused: false });
  });
});

describe('the server', () => {
  it('tells its status, counters and cluster', async () => {
    expect((await run('server status')).out).toContain(`│   HTTP Port          │ ${w.port} `);
    expect(await json('server status')).toHaveProperty('server.buildversion');
    expect((await run('server stats')).out).toContain('│ Colonies             │ 1');
    expect((await run('cluster info')).out).toContain('LEADER');
    expect((await run('server alive')).code).toBe(0);
    expect((await run('server alive --check')).code).toBe(0);
  });

  it('is served to Prometheus', async () => {
    const stop = new AbortController();
    let text = '';
    const monitor = run('monitor start --monitorport 0 --interval 1', {
      stop: stop.signal,
      onOutput: (all) => {
        text = all;
      },
    });
    await expect.poll(() => text).toContain('Serving metrics');
    const url = `http://localhost:${fieldOf(text, 'Port')}/metrics`;
    await expect
      .poll(async () => (await fetch(url)).text())
      .toMatch(/^colonies_server_colonies 1$/m);
    const port = fieldOf(text, 'Port');
    const second = await run(`monitor start --monitorport ${port}`);
    expect(second.code).toBe(255);
    expect(second.err).toContain(`msg="port ${port} is in use by another program"`);
    expect(second.err).toContain('Choose another with --monitorport');
    stop.abort();
    expect((await monitor).code).toBe(0);
    expect((await run('monitor start')).code).toBe(1);
  });
});

describe('either vocabulary', () => {
  it('lets a user wait for a call, though users have no words of 2022', async () => {
    const [userid, key] = await newId();
    await run(`user add --name waits --userid ${userid}`);
    const [id, executorkey] = await newId();
    await run(`executor add --executorid ${id} --name either --type either --approve`);
    const { COLONIES_RUNTIMEID: _, COLONIES_RUNTIMEPRVKEY: __, ...env2022 } = w.runtimeEnv;
    const env = { ...env2022, COLONIES_PRVKEY: key };
    const file = join(w.home, 'either.json');
    const spec = { funcname: 'f', conditions: { executortype: 'either' } };
    writeFileSync(file, JSON.stringify(spec));
    for (const line of [
      'function exec --func f --targettype either --wait',
      `function submit --spec ${file} --wait`,
      `process submit --spec ${file} --wait`,
    ]) {
      const waiting = run(line, { env });
      const assigned = await run(`process assign --timeout 10 --prvkey ${executorkey}`);
      const processid = fieldOf(assigned.err, 'ProcessId');
      await run(`process close -p ${processid} --out done --prvkey ${executorkey}`);
      expect(await waiting).toEqual({ code: 0, out: 'done\n', err: '' });
    }
  });

  it('lets a user look at processes and delete them in an environment of 2022', async () => {
    const [userid, key] = await newId();
    await run(`user add --name looks --userid ${userid}`);
    const [id, executorkey] = await newId();
    await run(`executor add --executorid ${id} --name looked --type looked --approve`);
    const { COLONIES_RUNTIMEID: _, COLONIES_RUNTIMEPRVKEY: __, ...others } = w.runtimeEnv;
    const byToday = { ...others, COLONIES_PRVKEY: key };
    const by2022 = { ...others, COLONIES_RUNTIMEID: userid, COLONIES_RUNTIMEPRVKEY: key };
    for (const env of [byToday, by2022]) {
      const file = join(w.home, 'looks.json');
      const conditions = { runtimetype: 'looked', cores: 2, mem: 64 };
      writeFileSync(
        file,
        JSON.stringify({ cmd: 'ls', args: ['-al'], env: { A: 'b' }, conditions }),
      );
      const submitted = await run(`process submit --spec ${file} --insecure`, { env });
      const processid = fieldOf(submitted.err, 'processID');
      const waiting = await run('process psw --ids --insecure', { env });
      expect(waiting.out).toContain(processid);
      const gone = await run('function exec --func f --targettype looked', { env });
      const other = fieldOf(gone.err, 'ProcessId');
      const deleted = await run(`process delete --processid ${other} --insecure`, { env });
      expect(deleted.err).toMatch(/level=info msg="Process deleted"/);

      const took = await run(`process assign --timeout 10 --prvkey ${executorkey}`);
      expect(fieldOf(took.err, 'ProcessId')).toBe(processid);
      expect((await run('process ps -i --insecure', { env })).out).toContain(processid);
      const { code, out } = await run(`process get --processid ${processid} --insecure`, { env });
      expect(code).toBe(0);
      expect(out).toMatch(/│ Func +│ ls +│\n│ Args +│ -al +│/);
      expect(out).toMatch(/│ CPU +│ 2000m +│/);
      const attributeid = / ([0-9a-f]{64}) │ A /.exec(out)?.[1];
      const attribute = await run(`attribute get --attributeid ${attributeid}`, { env });
      expect(attribute.out).toMatch(/│ Value +│ b +│/);
      const following = run(`log get -p ${processid} --follow`, { env });
      await run(`process close -p ${processid} --prvkey ${executorkey}`);
      expect((await following).code).toBe(0);
      expect((await run('process pss -i --insecure', { env })).out).toContain(processid);
    }
    const stranger = { ...others, COLONIES_PRVKEY: (await newId())[1] };
    const refused = await run('process ps --insecure', { env: stranger });
    expect(refused.code).toBe(255);
    expect(refused.err).toContain('msg="RecoveredID does not match Colony Id"');
  });

  it('shows what the other one submitted', async () => {
    const file = join(w.home, 'p.json');
    const spec = {
      conditions: { runtimetype: 'nobody', cores: 2, mem: 64 },
      cmd: 'ls',
      args: ['-al'],
    };
    writeFileSync(file, JSON.stringify(spec));
    const env = w.runtimeEnv;
    const submitted = await run(`process submit --spec ${file}`, { env });
    const id = fieldOf(submitted.err, 'processID');
    expect((await run(`process get -p ${id}`)).out).toMatch(/│ Func +│ ls +│\n│ Args +│ -al +│/);
    const called = await run('function exec --func f --args x --targettype nobody');
    const other = fieldOf(called.err, 'ProcessId');
    const { out } = await run(`process get --processid ${other}`, { env });
    expect(out).toMatch(/\| Cmd +\| f +\|\n\| Args +\| x +\|/);
    expect(out).toMatch(/\| RuntimeType \| nobody +\|/);
  });

  it('works with the variables of the other one', async () => {
    const env = w.runtimeEnv;
    expect((await run('user ls', { env })).out).toContain('myuser');
    expect((await run('colony stats', { env })).code).toBe(0);
    expect((await run('process pause', { env })).code).toBe(0);
    expect((await run('process resume', { env })).code).toBe(0);
  });
});
