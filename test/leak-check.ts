/**
 * Setup of every test file. After the tests of the file, whether they passed or failed, it checks that no socket, server or child process
 * is left.
 */
import { afterAll, beforeAll } from 'vitest';

/** Returns the resources of the tests that keep the process alive. It ignores timers, because vitest also has timers. */
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
  // A handle disappears a moment after its 'close' event. The handle of a peer disappears a moment later.
  for (let round = 0; round < 200 && handles().length > before.length; round++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const left = handles();
  if (left.length > before.length) {
    throw new Error(`handles are left: ${left.join(', ')}; before: ${before.join(', ') || 'none'}`);
  }
});
