/**
 * Serializes and parses offsets. An offset is a string that shows up to which message a connection has received a topic. A client keeps the
 * offset, and sends it back after a reconnection. An offset holds a position in the history. It also holds the numbers of the last messages
 * of some processes, since a process delivers its own messages before the bus has them.
 */

import { describe } from '../option-names.ts';
import { TopicError } from './topic-error.ts';

/** The parts of an offset. */
export interface Offset {
  /** The position in the history of the bus. Messages after it may not have been received. */
  readonly position: string;
  /**
   * For each publisher, the number of the last message that was received. This message may be after the position. A publisher is the name of a
   * process: 16 bytes as a string of 16 characters, see envelope.ts.
   */
  readonly received: ReadonlyMap<string, number>;
}

/** Longer strings are invalid. A position has at most 64 characters. */
const MAX_LENGTH = 400;
/**
 * Further publishers are left out. More would only be needed if a client connects to more processes, one after the other, before the bus
 * has their messages.
 */
const MAX_PUBLISHERS = 8;
/** 16 bytes in base64url; the unused bits of the last character are zero. */
const publisherForm = /^[\w-]{21}[AQgw]$/;
/** The numbers of envelopes have six bytes. */
const numberForm = /^(0|[1-9]\d{0,14})$/;

/** Serializes an offset: the position, and then each publisher and its number, separated by dots. */
export function serializeOffset({ position, received }: Offset): string {
  const pairs = [...received].slice(0, MAX_PUBLISHERS);
  return [position, ...pairs.flatMap(([publisher, number]) => [base64(publisher), number])].join('.');
}

/**
 * Parses an offset.
 * @param isPosition says whether a string has the form of a position of this bus
 * @throws {TopicError} for a string that `serializeOffset` cannot have returned
 * @throws {TypeError} for anything else than a string
 */
export function parseOffset(text: unknown, isPosition: (text: string) => boolean): Offset {
  if (typeof text !== 'string') throw new TypeError(`after is ${describe(text)}, not a string`);
  const [position = '', ...pairs] = text.slice(0, MAX_LENGTH + 1).split('.');
  const received = new Map<string, number>();
  for (let at = 0; at < pairs.length; at += 2) {
    const [publisher = '', number = ''] = pairs.slice(at, at + 2);
    if (!publisherForm.test(publisher) || !numberForm.test(number)) throw new TopicError('WS_TOPIC_OFFSET');
    received.set(Buffer.from(publisher, 'base64url').toString('latin1'), Number(number));
  }
  const isComplete =
    received.size > 0 && received.size <= MAX_PUBLISHERS && received.size * 2 === pairs.length;
  if (text.length > MAX_LENGTH || !isComplete || !isPosition(position))
    throw new TopicError('WS_TOPIC_OFFSET');
  return { position, received };
}

function base64(publisher: string): string {
  return Buffer.from(publisher, 'latin1').toString('base64url');
}
