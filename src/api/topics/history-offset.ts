/**
 * Serializes and parses offsets. An offset is a string that says which messages of a topic a connection has received. A client keeps the
 * offset, and sends it to the server after it has reconnected. The offset contains a position in the history of the bus. But a process
 * delivers its own messages before the bus has them. So for some processes, the offset also contains the number of the last message that
 * the connection has received.
 */

import { describe } from '../option-names.ts';
import { TopicError } from './topic-error.ts';

/** The parts of an offset: a string that says which messages of a topic a connection has received. */
export interface Offset {
  /** The position in the history of the bus. The connection has received the messages up to this position. */
  readonly position: string;
  /**
   * The number of the last message that the connection has received from each publisher (process). In the history, this message can
   * come after `position`. The key is the random name of the publisher: 16 bytes as a string of 16 characters (envelope.ts).
   */
  readonly received: ReadonlyMap<string, number>;
}

/** The maximum number of characters in an offset. A longer offset is invalid. At most 64 of these characters are the position. */
const MAX_LENGTH = 400;
/**
 * The maximum number of publishers (processes) in an offset. Further publishers are left out. This happens only if the client connects to
 * more than 8 processes before the bus has the messages of these processes.
 */
const MAX_PUBLISHERS = 8;
/** The random name of a publisher (a process): 16 bytes in base64url. The unused bits of the last character have to be zero. */
const publisherForm = /^[\w-]{21}[AQgw]$/;
/** The number of a message. Between processes, it is sent as six bytes. So it has up to 15 digits. */
const numberForm = /^(0|[1-9]\d{0,14})$/;

/**
 * Serializes an offset. The string begins with the position. For each publisher, the name and the number of its last message follow. Dots
 * separate these fields.
 */
export function serializeOffset({ position, received }: Offset): string {
  const pairs = [...received].slice(0, MAX_PUBLISHERS);
  return [position, ...pairs.flatMap(([publisher, number]) => [base64(publisher), number])].join('.');
}

/**
 * Parses an offset.
 * @param isPosition returns true if a string has the form of a position of this bus
 * @throws {TopicError} for a string that `serializeOffset` cannot have returned
 * @throws {TypeError} for a value that is not a string
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
