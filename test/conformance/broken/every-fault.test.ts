/**
 * `npm run conformance:selftest` checks that the judge finds faults. Every broken peer fails exactly the cases that name its fault. A peer
 * without a fault fails no case.
 */

import { describe, expect, test } from 'vitest';
import { faults } from './faults.ts';
import { correct } from './rules.ts';
import { faultedOf, outcomes, selfTestCases, tryPeer } from './run.ts';
import { unusual } from './unusual.ts';

describe('a peer without a fault', () => {
  test.each(['server', 'client'] as const)(
    'a %s without a fault passes all cases, and no case has the verdict NON-STRICT',
    async (role) => {
      const none = { name: 'none', role, breaks: {}, fails: [] };
      const { actual } = await outcomes(none);
      expect(actual).toEqual({ failed: [], tolerated: [] });
      const { actual: large } = await outcomes(none, ['27.2']);
      expect(large).toEqual({ failed: [], tolerated: [] });
    },
  );
});

describe.concurrent.each(['server', 'client'] as const)('a %s that is valid but unusual', (role) => {
  test.for(unusual)(
    'an unusual peer that $name passes all cases, because $section allows this',
    async (peer, { expect }) => {
      const { does, tolerated = [], mayBeTolerated = [], notApplicable = () => false } = peer;
      const cases = selfTestCases(role);
      const rules = { ...correct, ...does };
      const results = await tryPeer(role, rules, cases, ({ passed }) => passed);
      const actual = faultedOf(results);
      expect(actual.failed).toEqual([]);
      expect(actual.tolerated.filter((id) => !mayBeTolerated.includes(id))).toEqual(tolerated);
      expect(results.filter(({ behavior }) => behavior === 'UNIMPLEMENTED').map(({ id }) => id)).toEqual(
        cases.filter(notApplicable).map(({ id }) => id),
      );
    },
  );
});

describe.concurrent('a peer with one fault fails exactly the cases that name the fault', () => {
  test.for(faults)('a peer that $name fails exactly the cases of this fault', async (fault, { expect }) => {
    const { actual, expected } = await outcomes(fault);
    expect(expected.failed.length + expected.tolerated.length).toBeGreaterThan(0);
    expect(actual).toEqual(expected);
  });
});
