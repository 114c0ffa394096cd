/** Tests the end of a turn of the event loop. First, frames are sent. Then waiting messages are decompressed. */
import { expect, test } from 'vitest';
import { inLaterTurn, TurnShare } from '../../src/deflate/turn.ts';
import { flushAtEndOfTurn } from '../../src/transport/turn.ts';

test('FAULT-5: at the end of a turn of the event loop, answers are sent before postponed messages are decompressed', async () => {
  const log: string[] = [];
  const answer = { isListed: false, flush: () => log.push('answer'), endTurn: () => log.push('too late') };
  // The connection has used up its decompression time in this turn of the event loop, so its message waits for a later turn. This work is
  // registered before the answer.
  new TurnShare().spend(2 ** 24);
  const late = inLaterTurn(() => log.push('message'));
  flushAtEndOfTurn(answer);
  await late;
  expect(log).toEqual(['answer', 'message']);
});
