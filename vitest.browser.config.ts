import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** `npm run test:browser`: a real browser against the command line and the library. Build first. */
export default defineConfig({
  // As everywhere: what is tested is dist/.
  plugins: base.plugins ?? [],
  test: {
    include: ['test/browser/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    // Deadlines are only there so that a hang is reported.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
