/**
 * Checks the names of topics, and patterns for these names. A name consists of parts that are separated by `/`. In a pattern, `*` stands
 * for one part. If `**` is the last part, it stands for one or more parts. Peers can choose names. So the length is checked first, and no
 * check takes more than linear time.
 */

import { describe } from '../option-names.ts';
import { TopicError } from './topic-error.ts';

export interface NameLimits {
  /** The maximum length of a name, as JavaScript counts it (in UTF-16 code units). */
  readonly maxTopicLength: number;
  readonly maxTopicParts: number;
}

/** A name that begins with this character is reserved for the library. */
export const RESERVED = '$';

// Empty parts, control characters and lone surrogates are invalid. A lone surrogate would change when the name is encoded as UTF-8. The
// name would then become the name of another topic.
const invalid = /^\/|\/$|\/\/|\p{Cc}|\p{Cs}/u;

/**
 * Checks the name of a topic, or a pattern.
 * @param wildcards if true, `topic` may be a pattern; if false, a pattern is refused
 * @returns true for a pattern; false for a name without wildcards
 * @throws {TypeError} if `topic` is not a string
 * @throws {TopicError} if `topic` is an invalid name
 */
export function checkTopic(topic: string, limits: NameLimits, wildcards: boolean): boolean {
  if (typeof topic !== 'string') throw new TypeError(`the topic is ${describe(topic)}, not a string`);
  if (topic.length > limits.maxTopicLength) throw new TopicError('WS_TOPIC_TOO_LONG');
  if (topic === '' || topic.startsWith(RESERVED) || invalid.test(topic))
    throw new TopicError('WS_TOPIC_NAME');
  if (countParts(topic) > limits.maxTopicParts) throw new TopicError('WS_TOPIC_TOO_LONG');
  if (!topic.includes('*')) return false;
  if (!wildcards || !isValidPattern(topic)) throw new TopicError('WS_TOPIC_WILDCARD');
  return true;
}

/** True if a name is a valid topic. False for a pattern. */
export function isTopic(name: string, limits: NameLimits): boolean {
  try {
    return !checkTopic(name, limits, false);
  } catch {
    return false;
  }
}

function countParts(topic: string): number {
  let parts = 1;
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) parts++;
  return parts;
}

/** True if each `*` is a whole part of the name, and `**` is only used as the last part. */
function isValidPattern(topic: string): boolean {
  const parts = topic.split('/');
  return parts.every(
    (part, at) => !part.includes('*') || part === '*' || (part === '**' && at === parts.length - 1),
  );
}
