/**
 * The history of a topic in Redis: a stream that has the name of the topic's channel, so that both belong to the same slot of a cluster.
 * Each message names the one before it, which shows a reader that nothing is missing between them.
 */

/** One message of a stream. */
export interface StreamMessage {
  /** Its id: milliseconds and a number. Redis makes it from its clock, so an id is never used again, even if Redis loses its newest data. */
  readonly id: string;
  /** The id of the message before it, or `START`. */
  readonly previous: string;
  /** Null for a mark in its place: messages of some publisher were lost here. */
  readonly bytes: Buffer | null;
}

/** The position before the first message. It is no id of a message. */
export const START = '0-0';

/** What an entry is: a message, or a mark for lost ones. */
export type EntryKind = 'm' | 'g';

// An entry has two fields: `p` is the id before it, and the other one, `m` or `g`, has the bytes. What is published to subscribers is both
// ids, the kind, and then the bytes.
/**
 * Adds an entry to a stream, and publishes it. The key is the stream; the arguments are size, ttl, PUBLISH or SPUBLISH, the kind, and the
 * bytes.
 */
export const PUBLISH_SCRIPT: string = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local previous = last and last[1] or '${START}'
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'p', previous, ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call(ARGV[3], KEYS[1], id .. ' ' .. previous .. ' ' .. ARGV[4] .. ARGV[5])
return id`;

// Positions come back from clients, so only the way in which Redis writes a number is valid. 15 digits are exact as a JavaScript number.
const position = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$/;
/** Two ids, each with the space after it. */
const MAX_HEAD = 64;
const SPACE = 0x20;

/** Whether a string is an id, or `START`. */
export function isPosition(text: string): boolean {
  return position.test(text);
}

/** Whether the first position is after the second one. */
export function isAfter(one: string, other: string): boolean {
  const [time = 0, number = 0] = one.split('-').map(Number);
  const [otherTime = 0, otherNumber = 0] = other.split('-').map(Number);
  return time === otherTime ? number > otherNumber : time > otherTime;
}

/** Reads what was published to subscribers. @returns null for bytes that the script does not write */
export function parsePublished(bytes: Uint8Array): StreamMessage | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = buffer.subarray(0, MAX_HEAD).indexOf(SPACE);
  if (first === -1) return null;
  const second = buffer.subarray(0, MAX_HEAD).indexOf(SPACE, first + 1);
  if (second === -1) return null;
  const id = buffer.toString('latin1', 0, first);
  const previous = buffer.toString('latin1', first + 1, second);
  const kind = buffer.toString('latin1', second + 1, second + 2);
  if (!isPosition(id) || !isPosition(previous) || !isKind(kind)) return null;
  return { id, previous, bytes: kind === 'm' ? buffer.subarray(second + 2) : null };
}

/** Reads the reply to XRANGE or XREVRANGE. Entries that are not from the script are left out. */
export function parseEntries(reply: unknown): StreamMessage[] {
  const messages: StreamMessage[] = [];
  for (const entry of Array.isArray(reply) ? reply : []) {
    const message = parseEntry(entry);
    if (message !== null) messages.push(message);
  }
  return messages;
}

function parseEntry(entry: unknown): StreamMessage | null {
  if (!Array.isArray(entry) || !Array.isArray(entry[1])) return null;
  const [, previous, kind, bytes] = entry[1] as readonly unknown[];
  const id = String(entry[0]);
  if (!isPosition(id) || !isPosition(String(previous))) return null;
  if (String(kind) === 'g') return { id, previous: String(previous), bytes: null };
  if (String(kind) !== 'm' || !(bytes instanceof Buffer)) return null;
  return { id, previous: String(previous), bytes };
}

function isKind(text: string): text is EntryKind {
  return text === 'm' || text === 'g';
}
