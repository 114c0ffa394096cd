/** Tests the envelope that a message has on a bus. Serialized messages are parsed, and all other bytes are refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ENVELOPE_SIZE,
  parseEnvelope,
  randomPublisher,
  serializeEnvelope,
} from '../../../src/api/topics/envelope.ts';

const head = { isBinary: false, compress: true, publisher: randomPublisher(), number: 7, previous: 3 };

describe('the envelope', () => {
  test('the envelope of any message is parsed to the values that were serialized', () => {
    const numbers = fc
      .tuple(fc.integer({ min: 1, max: 2 ** 48 - 1 }), fc.nat())
      .map(([number, back]) => ({ number, previous: Math.max(0, number - 1 - back) }));
    const payloads = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array());
    fc.assert(
      fc.property(numbers, payloads, fc.boolean(), (order, message, compress) => {
        const isBinary = typeof message !== 'string';
        const publisher = randomPublisher();
        const bytes = serializeEnvelope({ isBinary, compress, publisher, ...order }, message);
        const { payload, ...rest } = parseEnvelope(bytes)!;
        expect(rest).toEqual({ isBinary, compress, publisher, ...order });
        expect(Buffer.from(payload)).toEqual(Buffer.from(message as string));
      }),
    );
  });

  test('an envelope has the documented layout', () => {
    const publisher = String.fromCharCode(...Array.from({ length: 16 }, (_, at) => 240 + at));
    const bytes = serializeEnvelope(
      { ...head, publisher, isBinary: true, compress: false },
      Buffer.from('!'),
    );
    expect(bytes.toString('hex')).toBe(
      `0103${'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'}${'000000000007'}${'000000000003'}21`,
    );
    expect(ENVELOPE_SIZE).toBe(30);
  });

  test('a serialized envelope has separate memory, so a bus may keep the envelope', () => {
    const bytes = serializeEnvelope(head, 'text');
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('an envelope can be parsed inside a larger ArrayBuffer', () => {
    const bytes = serializeEnvelope(head, 'text');
    const outer = Buffer.concat([Buffer.alloc(3, 9), bytes, Buffer.alloc(3, 9)]);
    const inner = new Uint8Array(outer.buffer, outer.byteOffset + 3, bytes.length);
    expect(parseEnvelope(inner)?.payload.toString()).toBe('text');
  });

  test('bytes that are too short for a complete envelope are not a message', () => {
    const bytes = serializeEnvelope(head, 'text');
    for (let end = 0; end < ENVELOPE_SIZE; end++) expect(parseEnvelope(bytes.subarray(0, end))).toBeNull();
    expect(parseEnvelope(bytes.subarray(0, ENVELOPE_SIZE))?.payload).toHaveLength(0);
  });

  test.each([
    ['another version', 0, 2],
    ['version 0', 0, 0],
    ['an unknown flag', 1, 4],
    ['an unknown flag and a known flag', 1, 0x81],
    // The serialized message has the number 7, and the number of the previous message is 3. The previous number has to be lower than the
    // number of the message.
    ['a previous number above the number of the message', 29, 8],
    ['a previous number equal to the number of the message', 29, 7],
  ])('an envelope with %s is not a message', (_, at, value) => {
    const bytes = serializeEnvelope(head, 'text');
    bytes[at] = value;
    expect(parseEnvelope(bytes)).toBeNull();
  });

  test('§8.1: bytes that are not UTF-8 are refused in a text message and accepted in a binary message', () => {
    const bytes = serializeEnvelope({ ...head, isBinary: true }, Buffer.from([0xc3]));
    expect(parseEnvelope(bytes)?.payload).toEqual(Buffer.from([0xc3]));
    bytes[1] = 0;
    expect(parseEnvelope(bytes)).toBeNull();
  });

  test('`parseEnvelope` does not throw for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, begins) => {
        if (begins && bytes.length > 1) bytes.set([1, bytes[1]! & 3]);
        const envelope = parseEnvelope(bytes);
        if (envelope === null) return;
        const { payload, ...rest } = envelope;
        expect(serializeEnvelope(rest, rest.isBinary ? payload : payload.toString())).toEqual(
          Buffer.from(bytes),
        );
      }),
    );
  });

  test('every publisher has a different random name', () => {
    const publishers = new Set(Array.from({ length: 100 }, randomPublisher));
    expect(publishers.size).toBe(100);
    for (const publisher of publishers) expect(publisher).toHaveLength(16);
  });
});
