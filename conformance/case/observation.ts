/**
 * What the judge (this test program) observed of a peer on one connection. The verdict and the checks of a case use only this data.
 */

import type { DeflateParams } from '../wire/deflate.ts';
import type { FrameHead } from '../wire/frame.ts';
import type { Head } from '../wire/head.ts';
import type { Event, Role } from './model.ts';

/** The content of a Close frame. */
export interface CloseSeen {
  /** null if the frame was empty. */
  readonly code: number | null;
  readonly reason: Buffer;
}

/** The observation of one connection, complete after the connection has ended. */
export interface Observation {
  /** The kind of peer under test. */
  readonly peer: Role;
  /** True if the opening handshake was completed. */
  readonly opened: boolean;
  /** The reason why the opening handshake was not completed, or null. */
  readonly openFault: string | null;
  /** The request and the answer as text, as they were read or written; '' if there was no request or answer. */
  readonly requestText: string;
  readonly answerText: string;
  /** The request and the answer, parsed; null if there was no request or answer. */
  readonly request: Head | null;
  readonly answer: Head | null;
  /** The bytes after the head of an answer that was not 101. */
  readonly body: Buffer;
  /** The number of bytes that a client sent after its request and before the answer. §4.1 allows none. */
  readonly earlyBytes: number;
  /** The negotiated parameters of compression, or null without compression. */
  readonly deflate: DeflateParams | null;
  readonly events: readonly Event[];
  /** The headers of the first 10,000 frames of the peer, in order. */
  readonly frames: readonly FrameHead[];
  /** A sentence about the rule that the peer broke, or null. After such a violation the judge has failed the connection. */
  readonly violation: string | null;
  /** A sentence about the fault in a loop of echoes, or null if there was no fault. */
  readonly loopFault: string | null;
  /** True if every loop of the case was completed. */
  readonly loopDone: boolean;
  /** Which end sent its Close frame first. */
  readonly firstClose: 'judge' | 'peer' | null;
  readonly sentClose: CloseSeen | null;
  readonly receivedClose: CloseSeen | null;
  /** The number of bytes that the peer sent after its Close frame. §5.5.1 allows none. */
  readonly bytesAfterClose: number;
  /** Which end ended TCP first. `reset` is true if the peer ended TCP with a reset. */
  readonly endedBy: 'judge' | 'peer' | null;
  readonly reset: boolean;
  /** True if the judge had to drop TCP because the peer did not end TCP in time. */
  readonly dropped: boolean;
  /** True if both ends sent a Close frame, and the server ended TCP first. */
  readonly clean: boolean;
  readonly uncleanReason: string | null;
  /** Limits and pauses that ran out, by name. */
  readonly expired: readonly string[];
  /** The milliseconds from the opening handshake to the end of TCP. */
  readonly duration: number;
}
