import { defineConfig } from 'vitest/config';

// The heavy suites of the overlay: many processes, killed and frozen, and ten thousand simulated nodes.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/overlay/**/*.heavy.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    globalSetup: ['test/support/build.ts'],
  },
});
