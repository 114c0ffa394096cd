/**
 * Ends a connection whose opening handshake was refused. Sends the answer, then FIN, and gives the peer some time to read the answer.
 * Closing the socket immediately, while the peer is still sending, would reset the connection. The peer would lose the answer
 * (RFC 9112 §9.6).
 */

import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import { processTimers, type Timer } from './timers.ts';

// How long a refused peer may take to read its answer, in milliseconds.
const LINGER = 2_000;

// The maximum number of refused sockets that stay open. The slots (slot.ts) do not limit these sockets: a socket that was refused for lack
// of a slot has none. Above this maximum, we destroy the socket as soon as the system has the answer.
const MAX_LINGERING = 1_000;

let lingering = 0;

/** Answers 503 and ends the socket, without a handshake. @param method the method of the request, if it is known */
export function answerUnavailable(socket: Duplex, method?: string): void {
  const timer = processTimers.timer({ onTimer: () => socket.destroy() });
  answerAndEnd(formatRefusal(refuse('WS_HANDSHAKE_UNAVAILABLE'), method), socket, timer);
}

/**
 * Writes the answer to a refused handshake and ends the socket. Bytes that the peer still sends are read and dropped.
 * @param timer a timer that destroys the socket; this function sets it
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
 * Writes the head of a response. If `write` throws, the transport is broken, so this function destroys the transport and throws nothing.
 * The error must not reach the event loop or other handshakes. Sockets of Node never throw here, but a Duplex of the application may.
 * @returns whether `write` returned without an error
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
