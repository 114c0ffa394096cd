import { mergeConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** `npm run test:interop`: peers in other languages, from Debian's packages. */
const config: typeof suite = mergeConfig(suite, {
  test: { globalSetup: ['test/interop/setup.ts'] },
});
config.test!.include = ['test/interop/**/*.test.ts'];
config.test!.exclude = [];

export default config;
