// Compiles the crypto worker from the present sources into a folder inside node_modules, so that
// real worker threads can be tested on any Node and never run a stale build.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Built {
  /** The compiled file of a source below src, as a file URL. */
  file(source: string): URL;
  remove(): Promise<void>;
}

export const buildWorker = async (): Promise<Built> => {
  const folder = await mkdtemp(join(root, 'node_modules', '.colonies-worker-'));
  const config = join(folder, 'tsconfig.json');
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: join(root, 'src'),
        outDir: folder,
        declaration: false,
        sourceMap: false,
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      include: [],
      files: [join(root, 'src/node/crypto/recovery-worker.ts')],
    }),
  );
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  await promisify(execFile)(tsc, ['-p', config], { shell: process.platform === 'win32' });
  // The compiled files have no package.json above them but this project's, which says they are ESM.
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return {
    file: (source) => pathToFileURL(join(folder, source.replace(/\.ts$/, '.js'))),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
