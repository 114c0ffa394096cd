import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run conformance:selftest`: the judge against every broken peer, a few at a time. */
const config: ViteUserConfig = mergeConfig(common, {
  test: {
    include: apart.selftest,
    maxConcurrency: 4,
    testTimeout: 300_000,
  },
});

export default config;
