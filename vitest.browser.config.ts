import { defineConfig } from 'vitest/config';

/** `npm run test:browser`: a real browser against the command line. Build first. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    pool: 'forks',
    // One browser at a time; deadlines are only there so that a hang is reported.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
