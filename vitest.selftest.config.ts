import { mergeConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** `npm run conformance:selftest`: the judge against every broken peer, a few at a time. */
const config: typeof suite = mergeConfig(suite, {
  test: { maxConcurrency: 4, testTimeout: 300_000 },
});
config.test!.include = ['test/conformance/broken/every-fault.test.ts'];
config.test!.exclude = [];

export default config;
