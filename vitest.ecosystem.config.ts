import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:ecosystem`: programs with packages of others that use WebSockets; those come from the npm registry. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: apart.ecosystem, testTimeout: 120_000, hookTimeout: 780_000 },
});

export default config;
