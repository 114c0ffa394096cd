/**
 * Reads the input of `rfc6455 connect` from a pipe or a file, and sends each line as a message. At the end of the input, waits until all
 * bytes were sent, and then until the server has sent nothing for some time. Then closes the connection with 1000.
 */

import { createInterface } from 'node:readline';
import type { Connection } from '../index.ts';
import { escapeText } from './escape.ts';
import { textOf } from './failure.ts';
import type { Streams } from './streams.ts';
import type { Transcript } from './transcript.ts';

export interface LineSource {
  /** True if reading the input failed before its end. */
  readonly failed: boolean;
  /** Stops reading the input. Called when the connection is closed. */
  close(): void;
}

/** The longest delay of setTimeout in milliseconds. A longer delay counts as 1 ms. */
const MAX_DELAY = 2_147_483_647;

/**
 * Sends the lines of a stream.
 * @param linger after the end of the stream, the connection is closed if the server sends nothing for this number of milliseconds
 */
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
      // This process no longer reads its input. After stdin is destroyed, the process that writes to the pipe can stop.
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
    // The time without received messages begins when all bytes were sent.
    if (connection.bufferedAmount > 0) transcript.lastReceived = performance.now();
    const left = transcript.lastReceived + linger - performance.now();
    if (left <= 0) connection.close(1000);
    else timer = setTimeout(closeWhenQuiet, Math.min(left, connection.bufferedAmount > 0 ? 50 : MAX_DELAY));
  };
  lines.on('line', (line) => {
    // After `pause`, readline still emits the lines that it has already read: at most one chunk of input.
    if (!connection.send(line)) lines.pause();
  });
  transcript.onDrain = () => lines.resume();
  lines.on('close', () => {
    if (source.failed || connection.state !== 'open') return;
    transcript.lastReceived = performance.now();
    closeWhenQuiet();
  });
  // Node also emits an error of the stream on `lines`, so both `stdin` and `lines` need a listener.
  stdin.on('error', onError);
  lines.on('error', onError);
  return source;
}
