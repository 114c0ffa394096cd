import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { common } from './vitest.config.ts';

/** `npm run conformance:selftest`: the judge against every broken peer, a few at a time. */
const config: ViteUserConfig = mergeConfig(common, {
  test: {
    include: ['test/conformance/broken/every-fault.test.ts'],
    maxConcurrency: 4,
    testTimeout: 300_000,
  },
});

export default config;
