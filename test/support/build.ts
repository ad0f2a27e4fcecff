// Builds `dist` once before tests that run the built program, when a source is newer than what was
// built. Several test runs at the same time wait for each other.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = join(ROOT, 'dist/cli/main.js');
const LOCK = join(ROOT, 'node_modules/.colonies-build');
const LOCK_STALE_MS = 120_000;

const changedMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const newestSource = (): number =>
  readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(ROOT, 'src', name))
    .concat(join(ROOT, 'tsconfig.json'), join(ROOT, 'package.json'))
    .reduce((newest, path) => Math.max(newest, changedMs(path)), 0);

const isStale = (): boolean => changedMs(BUILT) < newestSource();

const takeLock = (): boolean => {
  try {
    mkdirSync(LOCK);
    return true;
  } catch (error) {
    // Expected while another run builds; one that was killed leaves its lock behind.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (Date.now() - changedMs(LOCK) > LOCK_STALE_MS) rmSync(LOCK, { recursive: true });
    return false;
  }
};

const build = (): void => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
};

/** The global setup of the tests that need `dist`. */
export default async (): Promise<void> => {
  while (isStale()) {
    if (!takeLock()) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    try {
      if (isStale()) build();
    } finally {
      rmSync(LOCK, { recursive: true, force: true });
    }
  }
};
