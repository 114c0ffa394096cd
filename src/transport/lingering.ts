/**
 * Ends a connection whose opening handshake was refused: sends the answer, then FIN, and gives the peer some time to read the answer.
 * Closing at once would reset the connection of a peer that is still sending, and the peer would lose the answer (RFC 9112 §9.6).
 */

import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import { processTimers, type Timer } from './timers.ts';

// How long a refused peer may take to read its answer, in milliseconds.
const LINGER = 2_000;

// Sockets that were refused because no slot was free have no slot, so this number limits them. Above the limit, we pass the answer to the
// system and destroy the socket at once.
const MAX_LINGERING = 1_000;

let lingering = 0;

/** Answers 503 and closes, with as little work as possible. @param method the method of the request, if it is known */
export function answerUnavailable(socket: Duplex, method?: string): void {
  const timer = processTimers.timer({ onTimer: () => socket.destroy() });
  answerAndEnd(formatRefusal(refuse('WS_HANDSHAKE_UNAVAILABLE'), method), socket, timer);
}

/**
 * Writes the answer to a refused handshake and ends the socket; bytes that the peer still sends are read and dropped.
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
  if (!writeAnswer(text, socket)) return;
  if (mayStay) socket.end();
  else socket.end(() => socket.destroy());
  socket.resume();
}

/**
 * Writes the head of a response. If the transport throws, it is broken: it is destroyed, and the error reaches neither the event loop nor
 * the other handshakes. Sockets of Node never throw here, but a Duplex of the application may.
 * @returns whether the transport took the bytes
 */
export function writeAnswer(text: string, socket: Duplex): boolean {
  try {
    socket.write(text, 'latin1');
    return true;
  } catch {
    socket.destroy();
    return false;
  }
}

function ignore(): void {}
