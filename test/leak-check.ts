/** Set up for every test file: when its tests are done, no socket and no listener is left, in whatever way they ended. */
import { afterAll, beforeAll } from 'vitest';

/** What keeps a process alive and is ours: timers of vitest and its channel to the parent are not. */
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
  // A handle goes a moment after its 'close' event, and a peer's a moment after ours.
  for (let round = 0; round < 200 && handles().length > before.length; round++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const left = handles();
  if (left.length > before.length) {
    throw new Error(`handles are left: ${left.join(', ')}; before: ${before.join(', ') || 'none'}`);
  }
});
