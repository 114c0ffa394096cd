/**
 * A part of `npm run conformance:selftest`, one fault of each area with a few dozen cases: the judge says no, and says it
 * of the right cases. All faults are in broken/every-fault.test.ts.
 */

import { describe, expect, test } from 'vitest';
import { faults } from './broken/faults.ts';
import { outcomes } from './broken/run.ts';

const some = ['1.1', '3', '5.3', '6.4', '6.20', '7.9', '13.2.3', '20.5', '21.3', '22', '24.4'];

describe('the judge against broken peers', () => {
  test.each(['server', 'client'] as const)('a %s that is right passes', async (role) => {
    const { actual } = await outcomes({ name: 'none', role, breaks: {}, fails: [] }, some);
    expect(actual).toEqual({ failed: [], tolerated: [] });
  });

  test.each([
    'accepts frames that are not masked',
    'ignores RSV1, RSV2 and RSV3',
    'masks its frames',
    'checks UTF-8 behind the message',
    'accepts surrogates',
    'accepts the close code 1005',
    'keeps its context in spite of server_no_context_takeover',
    'answers version 8 with 101',
    'masks with zeros',
    'accepts any Accept',
  ])('[F1, F6, F21, C23, S16] one that %s fails where that is asked, and nowhere else', async (name) => {
    const fault = faults.find((one) => one.name === name)!;
    const { actual, expected } = await outcomes(fault, some);
    expect(expected.failed.length + expected.tolerated.length).toBeGreaterThan(0);
    expect(actual).toEqual(expected);
  });
});
