/**
 * FAULT-2, FAULT-3: every opened connection is reported closed exactly once, and none of its resources is left. This holds for any
 * call of the application in any hook, and for any behaviour of the peer. `npm run chaos` does the same for longer.
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
  `FAULT-1, FAULT-2, FAULT-3: every opened connection is closed once and leaves no resource, whatever each hook calls and however the process is interrupted: %j, seed ${seed}`,
  { timeout: 120_000 },
  async (variant) => {
    const { report } = await runChaos({ ...variant, seed, connections: 60 });
    expect(report, `seed ${seed}`).toMatchObject(nothingLeft);
    // The run was long enough to find faults.
    expect(report.connections).toBeGreaterThan(30);
    expect(report.hooks).toBeGreaterThan(100);
  },
);
