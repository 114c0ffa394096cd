import { describe, expect, test } from 'vitest';
import { COPY_THRESHOLD, FIN, FrameWriter, RSV1 } from '../../src/frame/writer.ts';
import { MemorySink, roles } from './harness.ts';

describe.each(roles)('frames that a %s writes', (role) => {
  const sizes = [0, 1, 125, 126, COPY_THRESHOLD, COPY_THRESHOLD + 1, 65_535, 65_536];

  test('F6, F9, F17: a writer writes frames with any first byte and any size, and counts their bytes', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role);
    for (const size of sizes) {
      for (const first of [FIN | 2, FIN | RSV1 | 1, 1, 0, FIN]) {
        writer.writeFrame(first, Buffer.alloc(size, 7), false, null);
        expect(sink.bytes.length).toBe(writer.sentBytes);
        const frame = sink.frames.at(-1)!;
        expect([frame.fin, frame.rsv, frame.opcode]).toEqual([
          (first & FIN) !== 0,
          (first & RSV1) === 0 ? 0 : 4,
          first & 15,
        ]);
        expect(frame.payload.equals(Buffer.alloc(size, 7))).toBe(true);
        expect(frame.masked).toBe(role === 'client');
      }
      sink.clear();
      writer.sentBytes = 0;
    }
  });

  test('F18: a writer encodes a text in place, whatever the length of the result', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role);
    for (const text of ['', 'a', 'a'.repeat(125), 'é'.repeat(63), '€'.repeat(42), 'x'.repeat(126)]) {
      expect(writer.writeText(text)).toBe(Buffer.byteLength(text));
      expect(sink.frames.at(-1)?.payload.toString()).toBe(text);
      expect(sink.bytes.length).toBe(writer.sentBytes);
    }
  });

  test('F1, F13: a writer may mask a payload in place only if the library owns the payload', () => {
    for (const ownsPayload of [false, true]) {
      const sink = new MemorySink();
      const payload = Buffer.alloc(9000, 7);
      new FrameWriter(sink, role).writeFrame(FIN | 2, payload, ownsPayload, null);
      if (!ownsPayload) expect(payload.equals(Buffer.alloc(9000, 7))).toBe(true);
      expect(sink.frames[0]?.payload.equals(Buffer.alloc(9000, 7))).toBe(true);
    }
  });

  test('F23: a writer sends a serialized frame unchanged, small or large', () => {
    for (const size of [3, COPY_THRESHOLD, COPY_THRESHOLD + 1]) {
      const sink = new MemorySink();
      const writer = new FrameWriter(sink, role);
      writer.writeSerialized(Buffer.alloc(size, 9), null);
      expect(sink.bytes.equals(Buffer.alloc(size, 9))).toBe(true);
      expect(writer.sentBytes).toBe(size);
    }
  });
});
