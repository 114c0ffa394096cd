import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { common } from './vitest.config.ts';

/** `npm run test:interop`: peers in other languages, from Debian's packages. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: ['test/interop/**/*.test.ts'], globalSetup: ['test/interop/setup.ts'] },
});

export default config;
