import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deflate } from '../../../src/deflate/engine/deflate.ts';
import { Window } from '../../../src/deflate/engine/window.ts';
import { jsonText, randomFrom } from './samples.ts';

describe('the window of one direction', () => {
  test.each([8, 9, 10, 11, 12, 13, 14, 15])(
    'P28: a window of %i bits keeps the last 2^bits bytes',
    (bits) => {
      fc.assert(
        fc.property(
          fc.array(fc.nat({ max: 3 << (bits - 1) }), { maxLength: 20 }),
          fc.infiniteStream(fc.nat({ max: 2 << bits })),
          (lengths, reservations) => {
            const window = new Window(bits);
            let all = Buffer.alloc(0);
            let next = 0;
            for (const length of lengths) {
              const message = Buffer.from(Array.from({ length }, () => next++ % 251));
              const reservation = reservations.next().value ?? 0;
              if (window.reserve(reservation))
                expect(window.buffer.length - window.end).toBeGreaterThanOrEqual(reservation);
              expect(all.equals(window.history)).toBe(true);
              window.append(message);
              all = Buffer.concat([all, message]).subarray(-(1 << bits));
              expect(window.length).toBe(all.length);
              expect(all.equals(window.history)).toBe(true);
              expect(window.view.buffer).toBe(window.buffer.buffer);
            }
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  test.each([7, 16, 9.5, Number.NaN])('the constructor refuses %d window bits', (bits) => {
    expect(() => new Window(bits)).toThrow(RangeError);
  });

  test('a window allocates no memory before the first byte, and only a little memory for the first messages', () => {
    const window = new Window(15);
    expect(window.retained).toBe(0);
    window.append(Buffer.alloc(0));
    expect(window.retained).toBe(0);
    window.append(Buffer.alloc(256));
    expect(window.retained).toBe(1024);
  });

  test('a window uses little memory after four messages of 256 bytes, and the expected memory when it is full', () => {
    const random = randomFrom(1);
    const sent = new Window(15);
    for (let count = 0; count < 4; count++) {
      const message = jsonText(256, random);
      deflate(message, sent);
      sent.append(message);
    }
    expect(sent.retained).toBeLessThanOrEqual(8 * 1024);
    for (let count = 0; count < 40; count++) {
      const message = jsonText(4096, random);
      deflate(message, sent);
      sent.append(message);
    }
    expect(sent.length).toBe(32768);
    expect(sent.retained).toBeLessThanOrEqual(60 * 1024);
    const received = new Window(15);
    for (let count = 0; count < 40; count++) received.append(jsonText(4096, random));
    expect(received.retained).toBeLessThanOrEqual(36 * 1024);
  });

  test('a cleared window behaves like a new one', () => {
    const window = new Window(9);
    const message = Buffer.from('a message, a message');
    const alone = Buffer.from(deflate(message, window));
    window.append(message);
    expect(deflate(message, window).length).toBeLessThan(alone.length);
    window.clear();
    expect([window.length, window.retained, window.total]).toEqual([0, 0, 0]);
    expect(alone.equals(deflate(message, window))).toBe(true);
  });
});
