/**
 * FAULT-2, FAULT-3: whatever an application calls, wherever and whenever, and however a peer behaves: every opened connection is
 * reported closed exactly once, and nothing of it is left. `npm run chaos` does the same for longer.
 */
import { expect, test } from 'vitest';
import { nothingLeft, runChaos } from '../../scripts/chaos.js';

const seed = Date.now() % 1_000_000_000;

test.concurrent.each([
  { secure: false, attached: false, compression: false },
  { secure: false, attached: false, compression: true },
  { secure: true, attached: false, compression: true },
  { secure: false, attached: true, compression: true },
])(
  `FAULT-1, FAULT-2, FAULT-3: every call in every hook, with random interruptions of the process, is safe: %j, seed ${seed}`,
  { timeout: 120_000 },
  async (variant) => {
    const { report } = await runChaos({ ...variant, seed, connections: 60 });
    expect(report, `seed ${seed}`).toMatchObject(nothingLeft);
    // There was something to get wrong.
    expect(report.connections).toBeGreaterThan(30);
    expect(report.hooks).toBeGreaterThan(100);
  },
);
