import { mergeConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** `npm run test:browser`: Chromium against the command line, its page, and the library. */
const config: typeof suite = mergeConfig(suite, {
  // One file, and so one browser, at a time; the deadlines are only there so that a hang is reported.
  test: { fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 },
});
config.test!.include = ['test/browser/**/*.test.ts'];
config.test!.exclude = [];

export default config;
