/**
 * Ends a connection after its opening handshake was refused. This file sends the answer and then FIN, and gives the peer some time to read
 * the answer. If we closed the socket while the peer is still sending, the system would reset the connection. The peer would then lose the
 * answer (RFC 9112 §9.6).
 */

import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import { processTimers, type Timer } from './timers.ts';

// The maximum time for a peer to read the answer that refuses its request, in milliseconds.
const LINGER = 2_000;

// The maximum number of sockets that stay open after a refusal. `maxConnections` does not limit them, because a socket above that limit is
// refused too. Above this maximum, we destroy a socket as soon as the operating system has the answer.
const MAX_LINGERING = 1_000;

let lingering = 0;

/** Answers 503 and ends the socket, without a handshake. @param method the method of the request, if it is known */
export function answerUnavailable(socket: Duplex, method?: string): void {
  const timer = processTimers.timer({ onTimer: () => socket.destroy() });
  answerAndEnd(formatRefusal(refuse('WS_HANDSHAKE_UNAVAILABLE'), method), socket, timer);
}

/**
 * Writes the answer to a refused handshake and ends the socket. Bytes that the peer still sends are read and dropped.
 * @param timer this function sets the timer. The owner of the timer destroys the socket when the timer is due
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
 * Writes the head of a response. If `write` throws, this function destroys the socket and does not throw, because the error must not affect
 * other handshakes. The sockets of Node never throw here, but a Duplex of the application might.
 * @returns false if `write` threw
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
