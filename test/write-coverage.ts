/**
 * Loaded in front of every test file while coverage is measured. The runner ends its workers by a signal, at which
 * Node writes no coverage, so each file writes its own when its tests are through.
 */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// Hooks run last in, first out: this one was here before those of the test file, and sees what they cover.
afterAll(() => takeCoverage());
