/** The end of the event loop's turn, where two kinds of work meet: what is to be sent, and messages that wait to be decompressed. */
import { expect, test } from 'vitest';
import { inLaterTurn, TurnShare } from '../../src/deflate/turn.ts';
import { flushAtEndOfTurn } from '../../src/transport/turn.ts';

test('FAULT-5: an answer leaves before messages that wait for their turn are decompressed', async () => {
  const log: string[] = [];
  const answer = { isListed: false, flush: () => log.push('answer'), endTurn: () => log.push('too late') };
  // The turn of a peer that sends too much ends before the answer is there, so its end is before that of what is sent, too.
  new TurnShare().spend(2 ** 24);
  const late = inLaterTurn(() => log.push('message'));
  flushAtEndOfTurn(answer);
  await late;
  expect(log).toEqual(['answer', 'message']);
});
