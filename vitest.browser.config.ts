import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:browser`: Chromium against the command line, its page, and the library. */
const config: ViteUserConfig = mergeConfig(common, {
  test: {
    include: apart.browser,
    // One file, and so one browser, at a time; the deadlines are only there so that a hang is reported.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
