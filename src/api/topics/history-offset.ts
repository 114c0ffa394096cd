/**
 * How far a connection has received a topic, as a string that a client keeps and sends back. Messages of the process itself are delivered
 * before the bus has them, so it is a position in the history, and the number of the last message of this process.
 */

import { describe } from '../option-names.ts';
import { TopicError } from './topic-error.ts';

/** The parts of an offset. */
export interface Offset {
  /** The position in the history of the bus, after which messages may not have been received. */
  readonly position: string;
  /** The process: 16 bytes as a string of 16 characters, see envelope.ts. */
  readonly publisher: string;
  /** Its messages up to this number were received, even if they are after the position. */
  readonly number: number;
}

/** Longer strings are invalid. A position has at most 64 characters. */
const MAX_LENGTH = 128;
/** 16 bytes in base64url, with zeros as the bits that are left over. */
const publisherForm = /^[\w-]{21}[AQgw]$/;
/** The numbers of envelopes have six bytes. */
const numberForm = /^(0|[1-9]\d{0,14})$/;

export function serializeOffset({ position, publisher, number }: Offset): string {
  return `${position}.${Buffer.from(publisher, 'latin1').toString('base64url')}.${number}`;
}

/**
 * @param isPosition whether a string has the form of a position of this bus
 * @throws {TopicError} for a string that `serializeOffset` does not make
 * @throws {TypeError} for anything else than a string
 */
export function parseOffset(text: unknown, isPosition: (text: string) => boolean): Offset {
  if (typeof text !== 'string') throw new TypeError(`after is ${describe(text)}, not a string`);
  const [number = '', publisher = '', ...position] = text
    .slice(0, MAX_LENGTH + 1)
    .split('.')
    .reverse();
  const offset = {
    position: position.reverse().join('.'),
    publisher: Buffer.from(publisher, 'base64url').toString('latin1'),
    number: Number(number),
  };
  if (
    text.length > MAX_LENGTH ||
    !numberForm.test(number) ||
    !publisherForm.test(publisher) ||
    !isPosition(offset.position)
  )
    throw new TopicError('WS_TOPIC_OFFSET');
  return offset;
}
