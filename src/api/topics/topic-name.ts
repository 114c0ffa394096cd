/**
 * The names of topics. A name consists of parts that are separated by `/`. In a pattern, `*` stands for one part. As the last part, `**`
 * stands for one or more parts. Names may come from peers. So all checks take time linear in the length, and the length is checked first.
 */

import { describe } from '../option-names.ts';
import { TopicError } from './topic-error.ts';

export interface NameLimits {
  /** The maximum number of characters, as JavaScript counts them. */
  readonly maxTopicLength: number;
  readonly maxTopicParts: number;
}

/** Topics whose first part begins with this character are reserved for the library. */
export const RESERVED = '$';

// Empty parts, control characters and lone surrogates are invalid. The encoding as UTF-8 would replace a lone surrogate. The name would
// then become another topic.
const invalid = /^\/|\/$|\/\/|\p{Cc}|\p{Cs}/u;

/**
 * Checks the name of a topic, or a pattern.
 * @param wildcards whether `topic` may be a pattern
 * @returns whether `topic` is a pattern
 * @throws {TypeError} for anything else than a string
 * @throws {TopicError} for an invalid name
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

/** Whether a name is a valid topic. A pattern is not a topic. */
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

/** Whether each `*` is a whole part, and each `**` is the last part. */
function isValidPattern(topic: string): boolean {
  const parts = topic.split('/');
  return parts.every(
    (part, at) => !part.includes('*') || part === '*' || (part === '**' && at === parts.length - 1),
  );
}
