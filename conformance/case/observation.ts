/**
 * What was seen of a peer on one connection: what verdicts and a case's own checks look at.
 */

import type { DeflateParams } from '../wire/deflate.ts';
import type { FrameHead } from '../wire/frame.ts';
import type { Head } from '../wire/head.ts';
import type { Event, Role } from './model.ts';

/** What a Close frame carried. */
export interface CloseSeen {
  /** null where the frame was empty. */
  readonly code: number | null;
  readonly reason: Buffer;
}

/** One connection, as it was when it had ended. */
export interface Observation {
  /** Who is under test. */
  readonly peer: Role;
  /** Whether the opening handshake was completed. */
  readonly opened: boolean;
  /** Why not. */
  readonly openFault: string | null;
  /** The heads as they were read and written; '' for none. */
  readonly requestText: string;
  readonly answerText: string;
  /** The same, parsed; null for none. */
  readonly request: Head | null;
  readonly answer: Head | null;
  /** What came after a server's answer that was not 101. */
  readonly body: Buffer;
  /** Bytes that a client sent after its request before it was answered (§4.1: none). */
  readonly earlyBytes: number;
  /** What was agreed; null for no compression. */
  readonly deflate: DeflateParams | null;
  readonly events: readonly Event[];
  /** Headers of the peer's frames, in order; the first 10 000. */
  readonly frames: readonly FrameHead[];
  /** A rule that the peer broke, as a sentence: the judge then failed the connection. */
  readonly violation: string | null;
  /** What went wrong in a loop of echoes; null for nothing. */
  readonly loopFault: string | null;
  /** Whether every loop of the case ran to its end. */
  readonly loopDone: boolean;
  /** Whose Close frame was first. */
  readonly firstClose: 'judge' | 'peer' | null;
  readonly sentClose: CloseSeen | null;
  readonly receivedClose: CloseSeen | null;
  /** Bytes that the peer sent after its Close frame (§5.5.1: none). */
  readonly bytesAfterClose: number;
  /** Who ended TCP first, and whether the peer did it with a reset. */
  readonly endedBy: 'judge' | 'peer' | null;
  readonly reset: boolean;
  /** The judge had to drop TCP, since the peer did not end it in time. */
  readonly dropped: boolean;
  /** Close frames both ways, and the right side ended TCP. */
  readonly clean: boolean;
  readonly uncleanReason: string | null;
  /** Limits and pauses that ran out, by name. */
  readonly expired: readonly string[];
  /** From the opening handshake to TCP's end, in milliseconds. */
  readonly duration: number;
}
