/** Tests messages that arrive in pieces. The result must equal the same bytes in one piece. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyMasked, rotateMaskingKey } from '../../src/frame/mask.ts';
import { MessageBuffer } from '../../src/frame/message-buffer.ts';
import { bench, cut, peerFrame } from './harness.ts';

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 167 + (i >> 8)) & 255));
const key = 0x7c_f3_02_81;

/** Returns a chunk of `size` bytes. At its end is `content[start, end)`, masked as on the wire. */
function chunkWith(start: number, end: number, size: number): Buffer {
  const chunk = Buffer.from(new ArrayBuffer(size)).fill(0x55);
  copyMasked(content.subarray(start, end), chunk, size - (end - start), rotateMaskingKey(key, start));
  return chunk;
}

describe('F13, F18: the bytes and the memory of a message buffer', () => {
  test('a message buffer returns the bytes that it received, whether the total size is known or not', () => {
    const size = fc.oneof(fc.nat(20), fc.nat(9000), fc.integer({ min: 8000, max: 66_000 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(size, fc.nat(70_000), fc.boolean()), { maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 5000 }),
        (pieces, isKnown, spare) => {
          const buffer = new MessageBuffer();
          const total = pieces.reduce((sum, [length]) => sum + length, 0);
          if (total > content.length) return;
          const limit = total + spare;
          let at = 0;
          for (const [length, more, isMasked] of pieces) {
            if (length === 0) continue;
            const chunk = isMasked
              ? chunkWith(at, at + length, length + more)
              : Buffer.concat([Buffer.alloc(more), content.subarray(at, at + length)]);
            const key0 = isMasked ? rotateMaskingKey(key, at) : 0;
            buffer.append(chunk, chunk.length - length, chunk.length, key0, limit, isKnown ? total : 0);
            at += length;
            expect(buffer.length).toBe(at);
            // F25: the buffer uses at most twice the received bytes plus 1 KiB.
            expect(buffer.held).toBeGreaterThanOrEqual(at);
            expect(buffer.held).toBeLessThanOrEqual(Math.max(2 * at + 1024, 1024));
          }
          const message = buffer.take();
          expect(message.equals(content.subarray(0, total))).toBe(true);
          // The memory of the message is only a little larger than the message.
          if (message.length > 8192)
            expect(message.buffer.byteLength * 3).toBeLessThanOrEqual(message.length * 4 + 4);
          expect([buffer.length, buffer.held]).toEqual([0, 0]);
        },
      ),
      {
        numRuns: 300,
        examples: [
          [
            [
              [1, 0, false],
              [8192, 7173, false],
              [1, 0, false],
              [8000, 0, false],
            ],
            false,
            1219,
          ],
        ],
      },
    );
  });

  test('a message buffer grows with the received bytes, and ends with exactly the total size if this size is known', () => {
    const buffer = new MessageBuffer();
    const append = (start: number, end: number): number => {
      buffer.append(
        chunkWith(start, end, end - start),
        0,
        end - start,
        rotateMaskingKey(key, start),
        100_000,
        90_000,
      );
      return buffer.held;
    };
    expect(append(0, 100)).toBe(1024);
    expect(append(100, 30_000)).toBe(60_000);
    expect(append(30_000, 60_000)).toBe(60_000);
    expect(append(60_000, 90_000)).toBe(90_000);
    expect(buffer.take().equals(content.subarray(0, 90_000))).toBe(true);
  });

  test('FAULT-4: while memory is scarce, a message buffer grows in small steps, and shrink() releases unused memory', () => {
    const buffer = new MessageBuffer();
    const append = (start: number, end: number, isScarce: boolean): number => {
      buffer.append(
        chunkWith(start, end, end - start),
        0,
        end - start,
        rotateMaskingKey(key, start),
        100_000,
        0,
        isScarce,
      );
      return buffer.held;
    };
    expect(append(0, 33_000, false)).toBe(33_000);
    expect(append(33_000, 33_010, false)).toBe(66_000);
    buffer.shrink();
    expect(buffer.held).toBe(33_010);
    // shrink() changes nothing, because the unused part of the memory is small.
    buffer.shrink();
    expect(buffer.held).toBe(33_010);
    expect(append(33_010, 33_100, true)).toBe(33_100 + 4137 + 4096);
    expect(append(33_100, 100_000, true)).toBe(100_000);
    expect(buffer.take().equals(content.subarray(0, 100_000))).toBe(true);
    buffer.shrink();
    expect(buffer.held).toBe(0);
  });

  test('clear() drops the bytes of a message buffer', () => {
    const buffer = new MessageBuffer();
    for (const size of [10, 20_000, 3]) buffer.append(chunkWith(0, size, size), 0, size, key, 1e6, 0);
    buffer.clear();
    expect([buffer.length, buffer.held, buffer.take().length]).toEqual([0, 0, 0]);
  });
});

describe('F13, F18: an endpoint receives large messages correctly', () => {
  test('an endpoint receives binary and text messages unchanged, in one frame and in fragments, with any chunks', () => {
    const large = Buffer.from('Ein größerer Text, mehr als nötig. '.repeat(4000));
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2),
        fc.array(fc.nat(large.length), { maxLength: 3 }),
        fc.array(fc.nat(large.length), { maxLength: 5 }),
        (opcode, fragments, places) => {
          const parts = cut(large, ...fragments.sort((a, b) => a - b));
          const bytes = Buffer.concat(
            parts.map((payload, index) =>
              peerFrame('server', {
                opcode: index === 0 ? opcode : 0,
                fin: index === parts.length - 1,
                payload,
                key: [index + 1, 200, 3, 255],
              }),
            ),
          );
          const { endpoint, events } = bench('server');
          for (const chunk of cut(bytes, ...places.sort((a, b) => a - b))) endpoint.receive(chunk);
          if (opcode === 1) expect(events.of('onText')).toEqual([[large.toString(), large.length]]);
          else expect(events.of('onBinary')).toEqual([[large.toString('hex'), large.length]]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('an endpoint receives messages unchanged for every length around the thresholds of the parser', () => {
    for (const around of [511, 512, 4096, 8192, 65_536 - 8]) {
      for (let length = around - 2; length <= around + 2; length++) {
        const payload = content.subarray(0, length);
        const frame = peerFrame('server', { opcode: 2, payload });
        for (const chunks of [
          [frame],
          cut(frame, 600),
          cut(frame, length - 3),
          [Buffer.concat([frame, frame])],
        ]) {
          const { endpoint, events } = bench('server');
          for (const chunk of chunks) endpoint.receive(Buffer.from(chunk));
          for (const [hex] of events.of('onBinary')) {
            if (hex !== payload.toString('hex')) expect.fail(`${length} bytes in ${chunks.length} chunks`);
          }
          expect(events.of('onBinary').length).toBe(chunks[0]!.length > length + 20 ? 2 : 1);
        }
      }
    }
  });

  test('A23: an endpoint refuses a text when the chunk with the first invalid byte arrives', () => {
    const { endpoint, sentCloseCode } = bench('server');
    const payload = Buffer.alloc(100_000, 'a');
    payload[50_000] = 0xff;
    const bytes = peerFrame('server', { opcode: 1, payload });
    endpoint.receive(Buffer.from(bytes.subarray(0, 40_000)));
    expect(sentCloseCode()).toBeNull();
    endpoint.receive(Buffer.from(bytes.subarray(40_000, 70_000)));
    expect(sentCloseCode()).toBe(1007);
  });
});

describe('keepsChunk states whether the endpoint keeps the memory of a chunk', () => {
  /** Passes the frames to the endpoint as one chunk. If `keepsChunk` is then false, overwrites every byte of the chunk. */
  function receive(one: ReturnType<typeof bench>, ...frames: Buffer[]): boolean {
    // Like a chunk of a socket, this chunk has separate memory.
    const bytes = Buffer.concat(frames);
    const chunk = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(chunk);
    one.endpoint.receive(chunk);
    const { keepsChunk } = one.endpoint;
    if (!keepsChunk) chunk.fill(0xee);
    return keepsChunk;
  }
  const binary = (size: number, fin = true, opcode = 2): Buffer =>
    peerFrame('server', { opcode, fin, payload: content.subarray(0, size) });

  test('keepsChunk is false if the endpoint delivered only strings and copies', () => {
    const one = bench('server');
    expect(receive(one, peerFrame('server', { opcode: 1, payload: 'a text' }), binary(100))).toBe(false);
    expect(receive(one, binary(2000), binary(5000), binary(5000), binary(5000))).toBe(false);
    expect(receive(one, binary(30_000, false))).toBe(false);
    expect(receive(one, binary(30_000, true, 0))).toBe(false);
    expect(receive(one, peerFrame('server', { opcode: 9, payload: 'ping' }))).toBe(false);
  });

  test('keepsChunk is true if a message is a view of the chunk, or if a part of the chunk waits', () => {
    const one = bench('server');
    expect(receive(one, binary(20_000))).toBe(true);
    one.events.act = () => one.endpoint.pause();
    expect(receive(one, binary(10), binary(20))).toBe(true);
    expect(receive(one, binary(30))).toBe(true);
    one.endpoint.resume();
    one.endpoint.resume();
    one.endpoint.resume();
    expect(one.events.of('onBinary').length).toBe(4);
  });

  test('messages that the application keeps do not change when the transport reuses the memory of a chunk', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(1, 2), fc.oneof(fc.nat(200), fc.nat(20_000))), { maxLength: 12 }),
        fc.array(fc.nat(100_000), { maxLength: 6 }),
        (messages, places) => {
          const payloads = messages.map(([opcode, size]) =>
            opcode === 1 ? Buffer.alloc(size, 'text ') : content.subarray(size, 2 * size),
          );
          const bytes = Buffer.concat(
            payloads.map((payload, index) => peerFrame('server', { opcode: messages[index]![0], payload })),
          );
          const kept: (string | Buffer)[] = [];
          const one = bench('server');
          one.events.onText = (text) => kept.push(text);
          one.events.onBinary = (payload) => kept.push(payload);
          const sorted = places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b);
          for (const chunk of cut(bytes, ...sorted)) receive(one, chunk);
          const expected = payloads.map((payload, index) =>
            messages[index]![0] === 1 ? payload.toString() : payload,
          );
          expect(kept.length).toBe(expected.length);
          kept.forEach((message, index) => {
            const same =
              typeof message === 'string'
                ? message === expected[index]
                : message.equals(expected[index] as Buffer);
            if (!same) expect.fail(`message ${index} has changed`);
          });
        },
      ),
      { numRuns: 150 },
    );
  });
});
