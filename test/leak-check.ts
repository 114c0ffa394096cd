/** Setup of every test file: after its tests, no socket and no listener is left, however they ended. */
import { afterAll, beforeAll } from 'vitest';

/** Our resources that keep a process alive: the timers of vitest and its channel to the parent do not count. */
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
