/**
 * Defines how Redis stores a history: one stream for each topic. The stream has the same name as the channel of the topic. So both belong
 * to the same hash slot of a Redis Cluster. Each message contains the id of the message before it. So a reader can see whether a message is
 * missing between two messages.
 */

import { type EntryKind, type HistoryOrder, type KeptMessage, START } from './history-engine.ts';

// An entry has two fields. The field `p` contains the id of the entry before this entry. The name of the other field is the kind of the
// entry (`m` or `g`). The value of this field is the bytes of the message. The script publishes the id of the new
// entry, the id of the entry before it, the kind, and then the bytes.
/**
 * A Lua script that adds an entry to a stream, and publishes the entry. The key is the stream. The arguments are the size, the ttl, the
 * command PUBLISH or SPUBLISH, the kind, and the bytes.
 */
export const PUBLISH_SCRIPT: string = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local previous = last and last[1] or '${START}'
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'p', previous, ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call(ARGV[3], KEYS[1], id .. ' ' .. previous .. ' ' .. ARGV[4] .. ARGV[5])
return id`;

// A position has two numbers. Clients send positions to the server, so the form of both numbers is checked. A number has no leading zeros,
// because Redis writes none. It has at most 15 digits, because JavaScript represents such a number exactly.
const position = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$/;
/** The maximum length of two ids, each with a space after it. */
const MAX_HEAD = 64;
const SPACE = 0x20;

// An id consists of a time in milliseconds and a number. Redis takes the time from its clock, so it never uses an id again.
/** True if a string is an id, or `START`. */
export function isPosition(text: string): boolean {
  return position.test(text);
}

/** True if position `one` is after position `other`. */
export function isAfter(one: string, other: string): boolean {
  const [time = 0, number = 0] = one.split('-').map(Number);
  const [otherTime = 0, otherNumber = 0] = other.split('-').map(Number);
  return time === otherTime ? number > otherNumber : time > otherTime;
}

/** Compares the ids of Redis. `previous` of a message is the id of the message before it. */
export const redisOrder: HistoryOrder = {
  isPosition,
  isAfter,
  isSame: (previous, position) => previous === position,
};

/** Parses the bytes that `PUBLISH_SCRIPT` publishes to subscribers. @returns null for bytes in any other form */
export function parsePublished(bytes: Uint8Array): KeptMessage | null {
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

/** Parses the reply to XRANGE or XREVRANGE. Leaves out entries that `PUBLISH_SCRIPT` has not written. */
export function parseEntries(reply: unknown): KeptMessage[] {
  const messages: KeptMessage[] = [];
  for (const entry of Array.isArray(reply) ? reply : []) {
    const message = parseEntry(entry);
    if (message !== null) messages.push(message);
  }
  return messages;
}

function parseEntry(entry: unknown): KeptMessage | null {
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
