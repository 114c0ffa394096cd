/**
 * Serializes and parses the messages on a bus. A message consists of an envelope (a header of 30 bytes) and the payload. Other programs may
 * also write to the bus, so the parser refuses bytes in any other form. bus-messages.ts explains the purpose of the numbers.
 */

import { isUtf8 } from 'node:buffer';

// byte 0     the version, 1
// byte 1     flags: 1 for a binary message, 2 for a message that must not be compressed
// 2 to 17    the publisher: random bytes, new for each `Topics`
// 18 to 23   the number of this message: the publisher numbers all of its messages from 1
// 24 to 29   the number of the publisher's previous message to the same topic; 0 for the first message, or if the number was forgotten
// The numbers are big-endian.
const VERSION = 1;
const BINARY = 1;
const UNCOMPRESSED = 2;
const PUBLISHER_AT = 2;
const PUBLISHER_SIZE = 16;
const NUMBER_AT = PUBLISHER_AT + PUBLISHER_SIZE;
const NUMBER_SIZE = 6;
const PREVIOUS_AT = NUMBER_AT + NUMBER_SIZE;

/** The number of bytes before the payload. */
export const ENVELOPE_SIZE: number = PREVIOUS_AT + NUMBER_SIZE;

export interface EnvelopeHead {
  readonly isBinary: boolean;
  readonly compress: boolean;
  /** The 16 bytes of the publisher, as a string of 16 characters. */
  readonly publisher: string;
  readonly number: number;
  readonly previous: number;
}

export interface Envelope extends EnvelopeHead {
  /** The payload. It shares the memory of the parsed bytes. */
  readonly payload: Buffer;
}

/** Returns a random name for a publisher. */
export function randomPublisher(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(PUBLISHER_SIZE))).toString('latin1');
}

/** Serializes a message with its envelope (header). The result is new memory, so a bus may keep it. */
export function serializeEnvelope(head: EnvelopeHead, message: string | Uint8Array): Buffer {
  const length = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
  const bytes = Buffer.allocUnsafeSlow(ENVELOPE_SIZE + length);
  bytes[0] = VERSION;
  bytes[1] = (head.isBinary ? BINARY : 0) | (head.compress ? 0 : UNCOMPRESSED);
  bytes.write(head.publisher, PUBLISHER_AT, 'latin1');
  bytes.writeUIntBE(head.number, NUMBER_AT, NUMBER_SIZE);
  bytes.writeUIntBE(head.previous, PREVIOUS_AT, NUMBER_SIZE);
  if (typeof message === 'string') bytes.write(message, ENVELOPE_SIZE);
  else bytes.set(message, ENVELOPE_SIZE);
  return bytes;
}

/** Parses a message with its envelope (header). @returns null for bytes that `serializeEnvelope` cannot have written */
export function parseEnvelope(bytes: Uint8Array): Envelope | null {
  if (bytes.length < ENVELOPE_SIZE || bytes[0] !== VERSION || bytes[1]! > (BINARY | UNCOMPRESSED))
    return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = buffer.readUIntBE(NUMBER_AT, NUMBER_SIZE);
  const previous = buffer.readUIntBE(PREVIOUS_AT, NUMBER_SIZE);
  if (previous >= number) return null;
  const isBinary = (bytes[1]! & BINARY) !== 0;
  const payload = buffer.subarray(ENVELOPE_SIZE);
  // RFC 6455 §8.1: a text message has to be valid UTF-8. If other bytes were sent as text, every subscriber would fail its connection.
  if (!isBinary && !isUtf8(payload)) return null;
  return {
    isBinary,
    compress: (bytes[1]! & UNCOMPRESSED) === 0,
    publisher: buffer.toString('latin1', PUBLISHER_AT, NUMBER_AT),
    number,
    previous,
    payload,
  };
}
