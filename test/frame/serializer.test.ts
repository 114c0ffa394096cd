import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FrameInit,
  frameHeaderSize,
  serializeFrame,
  writeFrameHeader,
} from '../../src/frame/serializer.ts';
import { frame, readFrames, rfcKey, roles } from './harness.ts';

const hello = Buffer.from('Hello');

/**
 * Serializes a frame and compares it with the frame of the test's builder. A client uses a random key, so the function reads this key back.
 */
function expectFrame(init: FrameInit, role: 'client' | 'server'): Buffer {
  const before = Buffer.from(init.payload);
  const bytes = serializeFrame(init, role);
  const [read, ...more] = readFrames(bytes);
  expect(more).toEqual([]);
  expect(read?.masked).toBe(role === 'client');
  const key = role === 'client' ? read!.key : null;
  const { opcode, payload, fin = true, rsv1 = false } = init;
  expect(bytes.equals(frame({ opcode, payload, fin, rsv: rsv1 ? 4 : 0, key }))).toBe(true);
  // The payload of the caller does not change.
  expect(before.equals(payload)).toBe(true);
  return bytes;
}

describe('the examples of RFC 6455 §5.7', () => {
  test('F10: a server sends the text "Hello" in one frame', () => {
    expect(serializeFrame({ opcode: 1, payload: hello }, 'server').toString('hex')).toBe('810548656c6c6f');
  });

  test('F1, F13: a client sends the text "Hello" with the masking key 37 fa 21 3d', () => {
    const bytes = Buffer.alloc(6);
    expect(writeFrameHeader(bytes, 0, 0x81, 5, true, Buffer.from(rfcKey).readInt32LE())).toBe(6);
    expect(bytes.toString('hex')).toBe('818537fa213d');
    expect(frame({ opcode: 1, payload: 'Hello', key: rfcKey }).toString('hex')).toBe(
      '818537fa213d7f9f4d5158',
    );
    expectFrame({ opcode: 1, payload: hello }, 'client');
  });

  test('F17: the fragments "Hel" and "lo" are serialized to the bytes of the RFC', () => {
    expect(
      serializeFrame({ opcode: 1, fin: false, payload: Buffer.from('Hel') }, 'server').toString('hex'),
    ).toBe('010348656c');
    expect(serializeFrame({ opcode: 0, payload: Buffer.from('lo') }, 'server').toString('hex')).toBe(
      '80026c6f',
    );
  });

  test('C7: a ping with "Hello" and its pong are serialized to the bytes of the RFC', () => {
    expect(serializeFrame({ opcode: 9, payload: hello }, 'server').toString('hex')).toBe('890548656c6c6f');
    expect(expectFrame({ opcode: 10, payload: hello }, 'client').subarray(0, 2).toString('hex')).toBe('8a85');
  });

  test('F10: a payload of 256 bytes gets a length of 16 bits, and 64 KiB gets 64 bits', () => {
    const short = serializeFrame({ opcode: 2, payload: Buffer.alloc(256, 7) }, 'server');
    expect(short.subarray(0, 4).toString('hex')).toBe('827e0100');
    expect(short.length).toBe(260);
    const long = serializeFrame({ opcode: 2, payload: Buffer.alloc(65536, 7) }, 'server');
    expect(long.subarray(0, 10).toString('hex')).toBe('827f0000000000010000');
    expect(long.length).toBe(65546);
  });
});

const sizes = [0, 1, 2, 95, 96, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537];

test.each(roles)('F9, F10: the length in a frame of a %s has the shortest form at every boundary', (role) => {
  for (const size of sizes) {
    const payload = Buffer.alloc(size, 0x3c);
    const bytes = expectFrame({ opcode: 2, payload }, role);
    expect(frameHeaderSize(size, role === 'client')).toBe(bytes.length - size);
  }
});

test('F9, F10: headers are correct for lengths of payloads that are too large to allocate', () => {
  for (const length of [
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 40 + 12345,
    Number.MAX_SAFE_INTEGER,
  ]) {
    const bytes = Buffer.alloc(14, 0xa5);
    expect(writeFrameHeader(bytes, 0, 0x82, length, false, 0)).toBe(10);
    expect(bytes.subarray(0, 10).equals(frame({ opcode: 2, length: BigInt(length) }))).toBe(true);
    expect(frameHeaderSize(length, false)).toBe(10);
    expect(frameHeaderSize(length, true)).toBe(14);
  }
});

test('F3, F1: a server never masks a frame, and a client masks every frame, even an empty one', () => {
  for (const opcode of [0, 1, 2, 8, 9, 10]) {
    for (const size of [0, 1, 125]) {
      const payload = Buffer.alloc(size);
      expect(serializeFrame({ opcode, payload }, 'server')[1]! >= 128).toBe(false);
      expect(serializeFrame({ opcode, payload }, 'client')[1]! >= 128).toBe(true);
    }
  }
});

test('F12: each frame of a client has its own masking key', () => {
  const keys = Array.from({ length: 500 }, () =>
    serializeFrame({ opcode: 2, payload: hello }, 'client').readInt32LE(2),
  );
  expect(new Set(keys).size).toBeGreaterThan(498);
});

test('F10, F13: any frame that either role serializes is parsed back unchanged', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...roles),
      fc.constantFrom(0, 1, 2, 8, 9, 10),
      fc.boolean(),
      fc.boolean(),
      fc.uint8Array({ maxLength: 700 }),
      (role, opcode, fin, rsv1, payload) => {
        expectFrame({ opcode, fin, rsv1, payload }, role);
      },
    ),
    { numRuns: 300 },
  );
});
