/** Runs the soak test against `ws` for a short time. `npm run soak:deflate` runs it for a long time. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { engines } from '../deflate/harness.ts';

const script = fileURLToPath(new URL('../../scripts/soak-deflate.js', import.meta.url));

test.each(engines)(
  'P6, P7, P10, P23, P26, P27: with the compression engine %s, 300 messages that share a context arrive unchanged, with ws as client and as server',
  (engine) => {
    const seed = String(Math.floor(Math.random() * 2 ** 32));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [script, '--messages', '300', '--seed', seed, '--engine', engine],
      { encoding: 'utf8' },
    );
    expect(stdout, stderr).toContain(`seed ${seed}`);
    expect(stdout.match(/: 300 messages to us, 300 to ws, .* all the same/g), stderr).toHaveLength(2);
    expect(status, stderr).toBe(0);
  },
  120_000,
);
