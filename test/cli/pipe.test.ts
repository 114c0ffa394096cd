/**
 * Tests sendLines with a fake connection. sendLines sends the lines of a pipe. After the end of the input, it waits for answers and then
 * closes the connection.
 */
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sendLines } from '../../src/cli/pipe.ts';
import { Transcript } from '../../src/cli/transcript.ts';
import type { Connection } from '../../src/index.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A fake connection that has only the members that sendLines uses. It accepts every message. */
class Taking {
  state = 'open';
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly closed: number[] = [];

  send(line: string): boolean {
    this.sent.push(line);
    return true;
  }

  close(code: number): void {
    this.closed.push(code);
  }
}

/** Sends the lines `a` and `b`, and ends the input. */
async function atTheEnd(linger: number, bufferedAmount = 0) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const transcript = new Transcript({ stdin, stdout, stderr });
  const connection = Object.assign(new Taking(), { bufferedAmount });
  const source = sendLines(connection as unknown as Connection, transcript, stdin, linger);
  stdin.end('a\nb\n');
  while (vi.getTimerCount() === 0 && connection.closed.length === 0) await nextTurn();
  expect(connection.sent).toEqual(['a', 'b']);
  return { connection, transcript, source };
}

describe('after the end of the input', () => {
  test('after the end of the input, connect closes the connection when no message has arrived for --linger seconds', async () => {
    const { connection } = await atTheEnd(1000);
    vi.advanceTimersByTime(999);
    expect(connection.closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(connection.closed).toEqual([1000]);
  });

  test('after the end of the input, the time of --linger starts again with each message and each fragment of a message', async () => {
    const { connection, transcript } = await atTheEnd(1000);
    for (let count = 0; count < 5; count++) {
      vi.advanceTimersByTime(900);
      if (count % 2 === 0) transcript.message(connection as unknown as Connection, 'answer');
      else transcript.fragment();
    }
    vi.advanceTimersByTime(999);
    expect(connection.closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(connection.closed).toEqual([1000]);
  });

  test('the time of --linger starts when all bytes have been sent', async () => {
    const { connection } = await atTheEnd(1000, 10);
    vi.advanceTimersByTime(5000);
    expect(connection.closed).toEqual([]);
    connection.bufferedAmount = 0;
    vi.advanceTimersByTime(999);
    expect(connection.closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(connection.closed).toEqual([1000]);
  });

  test('with --linger 0 the connection closes when the input ends; with Infinity the connection stays open, and no timer runs', async () => {
    expect((await atTheEnd(0)).connection.closed).toEqual([1000]);
    const { connection, source } = await atTheEnd(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(5_000_000_000);
    expect(connection.closed).toEqual([]);
    source.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
