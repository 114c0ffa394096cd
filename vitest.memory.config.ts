import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:memory`: what processes hold while peers do their worst, measured from outside, and floods that take their time. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: apart.memory, testTimeout: 120_000, hookTimeout: 120_000 },
});

export default config;
