import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:consumers`: the packed package in projects of others, whose tools come from the npm registry. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: apart.consumers, testTimeout: 120_000, hookTimeout: 240_000 },
});

export default config;
