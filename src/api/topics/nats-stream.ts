/**
 * In NATS, the history of all topics is one stream of JetStream. Each topic has its own subject in the stream. One stream for each topic
 * would be too expensive. Each stream needs its own files, and in a cluster its own vote. All topics share one sequence of numbers. So a
 * missing number in a topic does not mean that a message was lost. Two other facts show a loss. First: when NATS publishes a stored
 * message, it adds the number of the previous message on the same subject. Second: NATS always deletes the oldest message of a subject
 * first. So if a message is still kept, all messages after it are kept as well.
 */

import type { HistoryValues } from './bus-options.ts';
import { type EntryKind, type HistoryOrder, type KeptMessage, START } from './history-engine.ts';
import type { NatsStoredMessage, NatsStreamConfig } from './nats-jetstream.ts';

const NANOSECONDS = 1_000_000;
// Milliseconds. The default time in which NATS looks for duplicates. This time must not be longer than NATS keeps messages.
const MAX_DUPLICATE_WINDOW = 120_000;

/**
 * Returns the settings of the stream. Messages are published to `PREFIX.h.TOPIC`, where only the stream receives them. After NATS has
 * stored a message, NATS publishes it again to `PREFIX.t.TOPIC`, where the subscribers receive it.
 */
export function streamConfig(prefix: string, { size, ttl }: HistoryValues): NatsStreamConfig {
  const kept = `${prefix}.h.>`;
  return {
    name: `${prefix}-history`,
    subjects: [kept],
    // The stream keeps one message more than a subscriber may miss: the message before the missed ones. While NATS keeps that message, it
    // has deleted none of the missed messages.
    max_msgs_per_subject: size + 1,
    max_age: ttl * NANOSECONDS,
    duplicate_window: Math.min(ttl, MAX_DUPLICATE_WINDOW) * NANOSECONDS,
    republish: { src: kept, dest: `${prefix}.t.>` },
  };
}

// An entry consists of the kind, a tag of 8 bytes, and the bytes of the message. A server that was killed may lose its newest messages, and
// use their numbers again. The tag is different, so a pair of number and tag is never used again.
const HEAD_SIZE = 9;
const TAG_AT = 1;

/** Serializes an entry. @param tag a number of 64 bits that no other message has */
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

/** Parses a message of the stream. @returns null for bytes in another form, which another program has published */
export function parseStored({ seq, data }: NatsStoredMessage): Omit<KeptMessage, 'previous'> | null {
  const entry = parseEntry(data);
  return entry === null ? null : { id: `${seq}-${entry.tag}`, bytes: entry.bytes };
}

/** The headers of a NATS message, as far as a bus reads them. */
export interface NatsHeaders {
  get(name: string): string;
}

// JavaScript represents a number of 15 digits exactly.
const sequence = /^(0|[1-9]\d{0,14})$/;

/** Parses a message that NATS has stored and then published again. @returns null for any other message */
export function parseRepublished(headers: NatsHeaders | undefined, data: Uint8Array): KeptMessage | null {
  const number = headers?.get('Nats-Sequence') ?? '';
  const previous = headers?.get('Nats-Last-Sequence') ?? '';
  const entry = parseEntry(data);
  if (!sequence.test(number) || !sequence.test(previous) || entry === null) return null;
  // NATS does not send the tag of the previous message, so `previous` contains only its number.
  return {
    id: `${number}-${entry.tag}`,
    previous: previous === '0' ? START : `${previous}-`,
    bytes: entry.bytes,
  };
}

const position = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,19})$/;

/** Returns the number of the message at a position; 0 for `START`. */
export function sequenceOf(text: string): number {
  return Number(text.slice(0, text.indexOf('-')));
}

/** The order of the positions in NATS. A position consists of a number and a tag. */
export const natsOrder: HistoryOrder = {
  isPosition: (text) => position.test(text),
  isAfter: (one, other) => sequenceOf(one) > sequenceOf(other),
  // It is enough to compare the numbers. NATS uses numbers again only after a restart of the server. Then messages are read from the
  // stream.
  isSame: (previous, at) => at !== null && sequenceOf(previous) === sequenceOf(at),
};
