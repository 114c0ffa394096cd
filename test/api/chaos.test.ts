/**
 * FAULT-2, FAULT-3: each opened connection calls its `close` handler once and leaves no resource, even if handlers make random calls and
 * peers do random things. `npm run chaos` runs the same test for longer.
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
  `FAULT-1, FAULT-2, FAULT-3: each opened connection is closed once and leaves no resource, whatever its handlers call: %j, seed ${seed}`,
  { timeout: 120_000 },
  async (variant) => {
    const { report } = await runChaos({ ...variant, seed, connections: 60 });
    expect(report, `seed ${seed}`).toMatchObject(nothingLeft);
    // Fewer connections or calls would not be enough to find faults.
    expect(report.connections).toBeGreaterThan(30);
    expect(report.hooks).toBeGreaterThan(100);
  },
);
