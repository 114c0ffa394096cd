/** Tests the end of the event loop's turn, which sends frames and then continues to decompress waiting messages. */
import { expect, test } from 'vitest';
import { inLaterTurn, TurnShare } from '../../src/deflate/turn.ts';
import { flushAtEndOfTurn } from '../../src/transport/turn.ts';

test('FAULT-5: an answer leaves before messages that wait for a later turn are decompressed', async () => {
  const log: string[] = [];
  const answer = { isListed: false, flush: () => log.push('answer'), endTurn: () => log.push('too late') };
  // The turn of a peer that sends too much ends before the answer exists. So this end is registered before that of
  // the answer.
  new TurnShare().spend(2 ** 24);
  const late = inLaterTurn(() => log.push('message'));
  flushAtEndOfTurn(answer);
  await late;
  expect(log).toEqual(['answer', 'message']);
});
