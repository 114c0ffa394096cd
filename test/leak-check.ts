/**
 * Setup of every test file. It checks that after the tests of the file no socket, server or child process is left, whether the tests
 * passed or failed.
 */
import { afterAll, beforeAll } from 'vitest';

/** Returns the resources of the tests that keep the process alive. Timers are not among them, since vitest has timers of its own. */
function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /^(?:TCP|TLS|Pipe|GetAddrInfo|Process)/.test(name));
}

let before: readonly string[] = [];

beforeAll(() => {
  before = handles();
});

afterAll(async () => {
  // A handle disappears a moment after its 'close' event, and the handle of a peer a moment after ours.
  for (let round = 0; round < 200 && handles().length > before.length; round++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const left = handles();
  if (left.length > before.length) {
    throw new Error(`handles are left: ${left.join(', ')}; before: ${before.join(', ') || 'none'}`);
  }
});
