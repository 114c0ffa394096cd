import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:interop`: peers in other languages, from Debian's packages. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: apart.interop, globalSetup: ['test/interop/setup.ts'] },
});

export default config;
