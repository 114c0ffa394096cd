import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import { common } from './vitest.config.ts';

/** `npm run test:stalls`: tests of sockets hold on a machine that stands still now and then. */
const config: ViteUserConfig = mergeConfig(common, {
  test: {
    include: [
      'test/{api,cli,transport}/**/*.test.ts',
      'test/conformance/{cli,compressed-lies,driver,run}.test.ts',
      'test/peers/tls.test.ts',
    ],
    // They take thousands of turns.
    exclude: [
      'test/api/{busy,flood,reconnect}.test.ts',
      'test/api/plugin/reconnection.test.ts',
      'test/transport/{compression,outbox,socket}.test.ts',
    ],
    setupFiles: ['test/stall.ts'],
    testTimeout: 120_000,
  },
});

export default config;
