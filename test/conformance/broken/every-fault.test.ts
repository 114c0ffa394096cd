/**
 * `npm run conformance:selftest`: a judge that cannot say no is worthless. Every broken peer fails exactly the cases that
 * name its fault, and a peer without a fault fails none.
 */

import { describe, expect, test } from 'vitest';
import { faults } from './faults.ts';
import { outcomes } from './run.ts';

describe('a peer without a fault', () => {
  test.each(['server', 'client'] as const)(
    'as a %s passes everything, and nothing as NON-STRICT',
    async (role) => {
      const { actual } = await outcomes({ name: 'none', role, breaks: {}, fails: [] });
      expect(actual).toEqual({ failed: [], tolerated: [] });
    },
  );
});

describe.concurrent('a peer with one fault fails exactly the cases that name it', () => {
  test.for(faults)('one that $name', async (fault, { expect }) => {
    const { actual, expected } = await outcomes(fault);
    expect(expected.failed.length + expected.tolerated.length).toBeGreaterThan(0);
    expect(actual).toEqual(expected);
  });
});
