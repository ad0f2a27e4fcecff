// With --json every command writes one JSON document to stdout and nothing else, or fails with
// nothing there. Commands of the overlay: federation.test.ts, with servers that have one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TREE } from '../../src/cli/tree.ts';
import { type RunOptions, runIn, startWorld, type World, words } from './world.ts';

const KEY = '00000000000000000000000000000000000000000000000000000000000000a1';
const ID = '1'.repeat(64);

let w: World;
const made: Record<string, string> = {};

const json = async (line: string, options: RunOptions = {}) => {
  const { code, out, err } = await w.run(`${line} --json`, { env: w.executorEnv, ...options });
  expect(code, err).toBe(0);
  return JSON.parse(out);
};

beforeAll(async () => {
  w = await startWorld();
  const [spec, colony, runtime] = ['spec.json', 'colony.json', 'runtime.json'];
  const files = {
    [spec]: { funcname: 'f', conditions: { executortype: 'cli' } },
    [colony]: { name: 'other' },
    [runtime]: { name: 'r', runtimetype: 'cli' },
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(w.home, name), JSON.stringify(content));
  }
  const submitted = await json(`process submit --spec ${join(w.home, spec)}`);
  await json('process assign --timeout 10');
  made['running'] = submitted.processid;
  const attribute = await json(`attribute add -p ${submitted.processid} --key k --value v`);
  made['attribute'] = attribute.attributeid ?? attribute.AttributeID;
  made['function'] = (await json('function register --name cli --func f')).functionid;
  const generated = await json('keychain generate');
  made['generated'] = generated.ID;
});
afterAll(() => w.stop());

/** Lines to run in this order, once each; `$name` is something that was made, `@` the home folder. */
const LINES = [
  'attribute get --attributeid $attribute',
  'cluster info',
  'colony add --name more --colonyid $generated',
  'colony check --name dev',
  'colony ls',
  'colony stats',
  'colony status',
  'colony register --spec @/colony.json',
  'colony remove --name more',
  'completion bash',
  'completion zsh',
  'completion fish',
  'completion powershell',
  'config',
  'database create',
  `executor add --executorid ${ID} --name e1 --type t`,
  'executor create --name e2 --type t',
  'executor approve --name e1',
  'executor reject --name e1',
  'executor get --name e1',
  'executor ls',
  'executor ls --full',
  'executor remove --name e1',
  'function exec --func f --targettype nobody',
  'function submit --spec @/spec.json',
  'function ls',
  'function remove --functionid $function',
  `keychain add --id ${ID} --prvkey ${KEY}`,
  `keychain get --id ${ID}`,
  'log add -p $running -m hello',
  'log get -p $running',
  'log search --text hello',
  'process get -p $running',
  'process get -p $running --output',
  'process psw',
  'process ps',
  'process pss',
  'process psf',
  'process psc',
  'process pause',
  'process status',
  'process resume',
  'process close -p $running',
  'process remove -p $running',
  'process removeall',
  'process removeall --waiting --yes',
  'process deleteall',
  'process assign --timeout 1',
  'runtime register --spec @/runtime.json',
  'runtime ls',
  'runtime ls --full',
  'security generate',
  `security id --prvkey ${KEY}`,
  'server alive',
  'server alive --check',
  'server stats',
  'server status',
  `user add --name u --userid ${ID}`,
  'user get --name u',
  'user ls',
  'user remove --name u',
  'user remove --name u --yes',
  'version',
  'worker register --name w --type t',
  'worker unregister --name w',
] as const;

test.each(LINES)('%s', async (line) => {
  const filled = line
    .replace(/\$(\w+)/g, (_, name: string) => made[name] ?? '')
    .replace('@', w.home);
  expect(await json(filled)).toBeDefined();
});

test('a question that is not answered with YES is told', async () => {
  for (const line of ['process removeall', 'process deleteall', 'user remove --name myuser']) {
    expect(await json(line, { input: ['no'] })).toEqual({ aborted: true });
  }
});

/** Starts a command that goes on and gives what it wrote once it was ready and stopped. */
const untilReady = async (line: string) => {
  const stop = new AbortController();
  const onOutput = (all: string): void => {
    if (all.includes('\n}\n')) stop.abort(new Error('stopped'));
  };
  return json(line, { stop: stop.signal, onOutput });
};

test('servers and workers say where and who they are, once they are ready', async () => {
  expect(await untilReady('dev --port 0')).toMatchObject({ COLONIES_SERVER_HOST: 'localhost' });
  const folder = join(w.home, 'data');
  const env = {};
  const stop = new AbortController();
  const started = await runIn(
    w.home,
    words(`server start --data-dir ${folder} --port 0 --host 127.0.0.1 --insecure --json`),
    {
      env,
      stop: stop.signal,
      onOutput: (all) => {
        if (all.includes('\n}\n')) stop.abort(new Error('stopped'));
      },
    },
  );
  expect(JSON.parse(started.out)).toMatchObject({ DataDir: folder, TLS: false });
  const checked = await runIn(w.home, words(`server check --data-dir ${folder} --json`));
  expect(JSON.parse(checked.out)).toEqual([]);
  expect(await untilReady('worker start --name w2 --type t2')).toMatchObject({ name: 'w2' });
  expect(await untilReady('monitor start --monitorport 0')).toMatchObject({ Path: '/metrics' });
});

test('a command that fails leaves stdout empty', async () => {
  for (const line of ['process get -p nothere', 'attribute get --attributeid x', 'database drop']) {
    const { code, out } = await w.run(`${line} --json`, { env: w.executorEnv });
    expect({ code, out }).toEqual({ code: line === 'database drop' ? 1 : 255, out: '' });
  }
});

/** Commands whose JSON is tested elsewhere, or that have to change who calls. */
const ELSEWHERE = [
  /^(federation|node) /,
  /^demo$/,
  / chid$/,
  /^runtime (approve|reject|unregister)$/,
  /^colony unregister$/,
  /^process (submit|cancel|delete|fail)$/,
  /^attribute add$/,
  /^function register$/,
  /^keychain generate$/,
  /^(dev|server (start|check)|worker start|monitor start|database drop)$/,
];

test('no command is forgotten here', async () => {
  const commands = (await Promise.all(TREE.map((group) => group.load()))).flat();
  const forgotten = commands
    .map(({ path }) => path.join(' '))
    .filter((path) => !ELSEWHERE.some((pattern) => pattern.test(path)))
    .filter((path) => !LINES.some((line) => line.startsWith(path)));
  expect(forgotten).toEqual([]);
});
