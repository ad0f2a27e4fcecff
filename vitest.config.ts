import { defineConfig } from 'vitest/config';

// Tests of the built program need `dist`; the others run from the sources and never wait for a build.
const ON_DIST = ['test/e2e/**/*.test.ts', 'test/docs/**/*.test.ts', 'test/crash/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: ['node_modules/**', ...ON_DIST],
        },
      },
      {
        extends: true,
        test: {
          name: 'dist',
          include: ON_DIST,
          globalSetup: ['test/support/build.ts'],
          // Every step starts a program, which takes seconds on a machine that does other things.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
