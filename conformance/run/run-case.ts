/**
 * Runs one case on one connection: opening handshake, steps, end of the connection and verdict.
 */

import type { Duplex } from 'node:stream';
import type { Case, Role } from '../case/model.ts';
import type { Observation } from '../case/observation.ts';
import type { Clock } from './clock.ts';
import { Link } from './link.ts';
import { type Opening, openAsClient, openAsServer, type Target } from './opening.ts';
import { Player } from './play.ts';
import { type CaseResult, resultOf } from './result.ts';
import { judge } from './verdict.ts';

/** The settings for running cases. */
export interface CaseSettings {
  readonly agent: string;
  readonly clock: Clock;
  /** True if the loops of groups 9, 12 and 13 send all their messages. If false, they send only a few messages. */
  readonly full: boolean;
  /** Returns the command that runs one case again. */
  readonly commandOf: (id: string) => string;
}

/** Tests a server over a new connection, on which nothing was sent. */
export async function runServerCase(
  one: Case,
  socket: Duplex,
  target: Target,
  settings: CaseSettings,
): Promise<CaseResult> {
  const started = new Date().toISOString();
  const link = new Link(socket, 'client', settings.clock, one.quirks);
  const player = new Player(link, one, settings.full);
  const opening = await openAsClient(link, target, one.request, one.deflate ?? null, () =>
    player.playEarly(),
  );
  // If the answer is not a valid 101, or the case tests only the answer, the steps are not played.
  if (opening.opened && one.expect.answer === undefined) await playOn(player, opening);
  else link.drop(null);
  return conclude(one, link, player, opening, settings, started);
}

/** Tests a client on a connection (`Link`) of the driver, after the driver has read the client's request. */
export async function runClientCase(
  one: Case,
  link: Link,
  requestText: string,
  settings: CaseSettings,
): Promise<CaseResult> {
  const started = new Date().toISOString();
  const player = new Player(link, one, settings.full);
  const opening = await openAsServer(link, requestText, one.response, one.deflate ?? null, () =>
    player.playEarly(),
  );
  await playOn(player, opening);
  return conclude(one, link, player, opening, settings, started);
}

async function playOn(player: Player, opening: Opening): Promise<void> {
  if (opening.unimplemented !== null) await player.playNone();
  else await player.play();
}

function conclude(
  one: Case,
  link: Link,
  player: Player,
  opening: Opening,
  { agent, commandOf }: CaseSettings,
  started: string,
): CaseResult {
  const seen = observe(link, player, opening, link.peer);
  const verdict = judge(one, seen, opening.unimplemented);
  return resultOf(one, seen, verdict, link.timeline, { agent, started, command: commandOf(one.id) });
}

function observe(link: Link, player: Player, opening: Opening, peer: Role): Observation {
  const { uncleanReason } = link;
  return {
    peer,
    opened: opening.opened,
    openFault: opening.fault,
    requestText: opening.requestText,
    answerText: opening.answerText,
    request: opening.request,
    answer: opening.answer,
    body: opening.body,
    earlyBytes: opening.earlyBytes,
    deflate: link.deflate?.params ?? null,
    events: link.events,
    frames: link.heads,
    violation: link.violation,
    loopFault: player.loop.fault,
    loopDone: player.loop.done,
    firstClose: link.firstClose,
    sentClose: link.sentClose,
    receivedClose: link.receivedClose,
    bytesAfterClose: link.bytesAfterClose,
    endedBy: link.endedBy,
    reset: link.reset,
    dropped: link.dropped,
    clean: uncleanReason === null,
    uncleanReason,
    expired: link.expired,
    duration: (link.goneAt ?? link.timeline.now()) - (link.openedAt ?? 0),
  };
}
