/**
 * Loaded before every test file while coverage is measured. The runner ends its workers with a signal, on which Node
 * writes no coverage, so each file writes its own coverage after its tests.
 */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// The last hook that is registered runs first. This hook is registered before those of the test file, so it sees what they cover.
afterAll(() => takeCoverage());
