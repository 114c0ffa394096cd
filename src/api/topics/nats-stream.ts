/**
 * Defines how NATS stores a history: one stream of JetStream contains the history of all topics. Each topic has its own subject in the
 * stream. A separate stream for each topic would be too expensive: each stream has its own files, and a cluster elects a leader for each
 * stream. The messages of all topics are numbered together. So a missing number does not mean that a message of a topic was lost. Two other
 * facts show a loss:
 * - When NATS publishes a stored message, it adds the number of the previous message on the same subject.
 * - NATS always deletes the oldest message of a subject first. So if a message is still kept, all messages after it are kept too.
 */

import type { HistoryValues } from './bus-options.ts';
import { type EntryKind, type HistoryOrder, type KeptMessage, START } from './history-engine.ts';
import type { NatsStoredMessage, NatsStreamConfig } from './nats-jetstream.ts';

const NANOSECONDS = 1_000_000;
// Milliseconds. By default, NATS compares a new message with the messages of this time, to find duplicates. NATS refuses a time that is
// longer than the time for which it keeps messages.
const MAX_DUPLICATE_WINDOW = 120_000;

/**
 * Returns the settings of the stream. A message takes two steps:
 * - The bus publishes it to `PREFIX.h.TOPIC`. Only the stream receives it.
 * - After NATS has stored it, NATS publishes it to `PREFIX.t.TOPIC`. The subscribers receive it.
 */
export function streamConfig(prefix: string, { size, ttl }: HistoryValues): NatsStreamConfig {
  const kept = `${prefix}.h.>`;
  return {
    name: `${prefix}-history`,
    subjects: [kept],
    // The stream keeps one message more than a subscriber can miss. The additional message is the one before the missed messages. If NATS
    // still keeps it, NATS has not deleted any of the missed messages.
    max_msgs_per_subject: size + 1,
    max_age: ttl * NANOSECONDS,
    duplicate_window: Math.min(ttl, MAX_DUPLICATE_WINDOW) * NANOSECONDS,
    republish: { src: kept, dest: `${prefix}.t.>` },
  };
}

// An entry consists of its kind, a tag of 8 bytes, and the bytes of the message. A NATS server that was killed can lose its newest
// messages. It can then give their numbers to other messages. But each message has a new tag, so a pair of number and tag is unique.
const HEAD_SIZE = 9;
const TAG_AT = 1;

/** Serializes an entry. @param tag a 64-bit number that no other message has */
export function serializeEntry(kind: EntryKind, tag: bigint, bytes: Uint8Array): Uint8Array {
  const entry = Buffer.allocUnsafeSlow(HEAD_SIZE + bytes.length);
  entry.write(kind, 'latin1');
  entry.writeBigUInt64BE(tag, TAG_AT);
  entry.set(bytes, HEAD_SIZE);
  return entry;
}

function parseEntry(data: Uint8Array): { readonly tag: bigint; readonly bytes: Uint8Array | null } | null {
  if (data.length < HEAD_SIZE) return null;
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  const kind = buffer.toString('latin1', 0, TAG_AT);
  if (kind !== 'm' && kind !== 'g') return null;
  return { tag: buffer.readBigUInt64BE(TAG_AT), bytes: kind === 'm' ? buffer.subarray(HEAD_SIZE) : null };
}

/** Parses a message of the stream. @returns null if the bytes come from another program, and are not a valid entry */
export function parseStored({ seq, data }: NatsStoredMessage): Omit<KeptMessage, 'previous'> | null {
  const entry = parseEntry(data);
  return entry === null ? null : { id: `${seq}-${entry.tag}`, bytes: entry.bytes };
}

/** The headers of a NATS message. The bus only needs the method `get`. */
export interface NatsHeaders {
  get(name: string): string;
}

// A number of at most 15 digits. JavaScript represents it exactly.
const sequence = /^(0|[1-9]\d{0,14})$/;

/** Parses a message that NATS has stored and then published. @returns null for any other message */
export function parseRepublished(headers: NatsHeaders | undefined, data: Uint8Array): KeptMessage | null {
  const number = headers?.get('Nats-Sequence') ?? '';
  const previous = headers?.get('Nats-Last-Sequence') ?? '';
  const entry = parseEntry(data);
  if (!sequence.test(number) || !sequence.test(previous) || entry === null) return null;
  // NATS does not send the tag of the previous message. So `previous` contains only the number of that message.
  return {
    id: `${number}-${entry.tag}`,
    previous: previous === '0' ? START : `${previous}-`,
    bytes: entry.bytes,
  };
}

const position = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,19})$/;

/** Returns the number of the message at a position. Returns 0 for `START`. */
export function sequenceOf(text: string): number {
  return Number(text.slice(0, text.indexOf('-')));
}

/** Compares positions in NATS. A position consists of a number and a tag. */
export const natsOrder: HistoryOrder = {
  isPosition: (text) => position.test(text),
  isAfter: (one, other) => sequenceOf(one) > sequenceOf(other),
  // It is enough to compare the numbers. NATS uses a number again only after a restart of the server. In this case, messages are read from
  // the stream.
  isSame: (previous, at) => at !== null && sequenceOf(previous) === sequenceOf(at),
};
