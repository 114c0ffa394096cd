/**
 * The end of a connection whose opening handshake was refused: the answer, then FIN, and some time for the peer to read it.
 * Closing at once would reset the connection of a peer that is still sending, and its answer would be lost (RFC 9112 §9.6).
 */

import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import { processTimers, type Timer } from './timers.ts';

// How long a refused peer may take to read its answer.
const LINGER = 2_000;

// Sockets that were refused because no slot was free do not count as slots, so there is a limit here. Beyond it, we hand the answer to
// the system and destroy the socket at once.
const MAX_LINGERING = 1_000;

let lingering = 0;

/** Answers 503 and closes, with as little work as possible. @param method the request's, if it is known */
export function answerUnavailable(socket: Duplex, method?: string): void {
  const timer = processTimers.timer({ onTimer: () => socket.destroy() });
  answerAndEnd(formatRefusal(refuse('WS_HANDSHAKE_UNAVAILABLE'), method), socket, timer);
}

/**
 * Writes the answer to a refused handshake and ends; what the peer still sends is read and dropped.
 * @param timer destroys the socket
 */
export function answerAndEnd(text: string, socket: Duplex, timer: Timer): void {
  socket.on('error', ignore);
  if (socket.destroyed) return;
  timer.set(LINGER);
  const mayStay = lingering < MAX_LINGERING;
  if (mayStay) lingering++;
  socket.on('close', () => {
    timer.cancel();
    if (mayStay) lingering--;
  });
  if (mayStay) socket.end(text, 'latin1');
  else socket.end(text, 'latin1', () => socket.destroy());
  socket.resume();
}

function ignore(): void {}
