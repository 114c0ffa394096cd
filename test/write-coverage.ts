/**
 * This file is loaded before every test file while coverage is measured. The test runner ends its workers with a signal, and Node writes no
 * coverage after a signal. Therefore each test file writes its coverage after its tests.
 */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// The hook that is registered first runs last. So this hook also covers the other hooks of the test file.
afterAll(() => takeCoverage());
