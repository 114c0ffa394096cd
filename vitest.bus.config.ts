import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { apart, common } from './vitest.config.ts';

/** `npm run test:bus`: the buses of topics over redis-server and nats-server, with clients that come from the npm registry. */
const config: ViteUserConfig = mergeConfig(common, {
  test: { include: apart.bus, testTimeout: 300_000, hookTimeout: 240_000 },
});

export default config;
