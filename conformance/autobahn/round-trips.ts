/**
 * Builds cases that are a loop. The judge (this test program) sends each message after the echo of the previous message has arrived.
 */

import type { Case, DeflateSpec, LoopStep } from '../case/model.ts';
import { judgeCloses } from '../case/steps.ts';
import type { Common } from './build.ts';

/** @param each describes one message of the loop */
export function roundTrips(
  id: string,
  { section, covers, about }: Common,
  loop: LoopStep,
  each: string,
  deflate?: DeflateSpec,
): Case {
  const { full, quick } = loop.messages;
  const kind = `${deflate === undefined ? '' : 'compressed '}${loop.kind}`;
  const sent = `Sends ${full} ${kind} messages (${quick} in the quick profile), ${each}, one by one.`;
  const compared = loop.compare === 'content' ? 'type and content' : 'type and length';
  return {
    id,
    description: about === undefined ? sent : `${about}. ${sent}`,
    expectation: `Expects an echo of each message with the same ${compared}, and all echoes within ${loop.seconds} s. Then the judge closes with 1000.`,
    section,
    level: 'MUST',
    covers,
    ...(deflate !== undefined && { deflate }),
    steps: [loop],
    expect: { close: judgeCloses },
  };
}
