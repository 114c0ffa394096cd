/**
 * Sends the input of `rfc6455 connect` if it is a pipe or a file: each line is a message. At the end of the input the connection is closed
 * with 1000, once everything has left and the server has been silent for a while.
 */

import { createInterface } from 'node:readline';
import type { Connection } from '../index.ts';
import { escapeText } from './escape.ts';
import { textOf } from './failure.ts';
import type { Streams } from './streams.ts';
import type { Transcript } from './transcript.ts';

/** The source of the lines. */
export interface LineSource {
  /** Whether reading failed before the end. */
  readonly failed: boolean;
  /** Is called when the connection is closed, so that no more lines are needed. */
  close(): void;
}

/** The longest delay of a timer, in milliseconds. setTimeout treats a longer delay as 1 ms. */
const MAX_DELAY = 2_147_483_647;

/** Sends the lines of a stream. @param linger the milliseconds of silence before the connection is closed */
export function sendLines(
  connection: Connection,
  transcript: Transcript,
  stdin: Streams['stdin'],
  linger: number,
): LineSource {
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let timer: NodeJS.Timeout | undefined;
  const source = {
    failed: false,
    close() {
      clearTimeout(timer);
      lines.close();
      // Nothing reads the input any more. If stdin is closed, the process that writes to it can stop.
      stdin.destroy();
    },
  };
  const onError = (error: unknown): void => {
    if (source.failed) return;
    source.failed = true;
    transcript.note(`cannot read standard input: ${escapeText(textOf(error))}`);
    connection.close(1000);
  };
  const closeWhenQuiet = (): void => {
    // Silence counts from the moment when the server has received everything.
    if (connection.bufferedAmount > 0) transcript.lastReceived = performance.now();
    const left = transcript.lastReceived + linger - performance.now();
    if (left <= 0) connection.close(1000);
    else timer = setTimeout(closeWhenQuiet, Math.min(left, connection.bufferedAmount > 0 ? 50 : MAX_DELAY));
  };
  lines.on('line', (line) => {
    // The pause does not hold back lines that readline has already split: at most one chunk of input.
    if (!connection.send(line)) lines.pause();
  });
  transcript.onDrain = () => lines.resume();
  lines.on('close', () => {
    if (source.failed || connection.state !== 'open') return;
    transcript.lastReceived = performance.now();
    closeWhenQuiet();
  });
  // Node passes an error of the stream on to readline; both need a listener.
  stdin.on('error', onError);
  lines.on('error', onError);
  return source;
}
