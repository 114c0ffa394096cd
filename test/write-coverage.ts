/**
 * Loaded before every test file while coverage is measured. The runner ends its workers with a signal, and Node writes no coverage after a
 * signal. So each test file writes its coverage itself after its tests.
 */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// The last hook that is registered runs first. This hook is registered before those of the test file, so it sees what they cover.
afterAll(() => takeCoverage());
