/**
 * The messages that processes send each other about their members. The messages are JSON. They use two kinds of topics:
 * - `$presence` is for beats and farewells. All processes with presence receive them.
 * - `$presence/TOPIC` is for changes and snapshots of one topic. Only processes that watch the topic receive them.
 *
 * Connections cannot subscribe or publish to topics that begin with `$`. But other programs may write to the bus, so the parser refuses
 * bytes in any other form.
 */

/** The topic that all processes with presence subscribe to. */
export const CONTROL = '$presence';
const PREFIX = `${CONTROL}/`;

const FORMAT = 1;
// If the entries of a list have more characters than this, the list is split into several messages. A single entry can be larger: the info
// of a member may have up to 64 KiB.
const PART_SIZE = 16_384;
// The maximum number of bytes of a message that is accepted. The messages of this library are smaller: each has at most three lists, and
// each character has at most three bytes.
const MAX_SIZE = 1_048_576;
const MAX_PROCESS_LENGTH = 64;

/** A member in a message. The number identifies the member in the process that sends the message. */
export type MemberEntry = [number: number, info: unknown];

/** Says that the sender is alive. If a beat is too long, it is sent as several beats. Each of these beats is a complete message. */
export interface Beat {
  readonly type: 'beat';
  readonly process: string;
  /** The sender's lease in milliseconds. If no message of the sender comes for this time, the sender counts as dead. */
  readonly lease: number;
  /** If true, the sender asks every other process to send a beat too. */
  readonly hello: boolean;
  /** The topics whose members the sender wants to know. */
  readonly watched: readonly string[];
  /** The version of the sender's list of members, for each topic that other processes watch. */
  readonly versions: readonly (readonly [topic: string, version: number])[];
  /**
   * Requests for snapshots (lists of all members). Each request contains a topic, and the process that has to send the snapshot. '' stands
   * for all processes.
   */
  readonly needs: readonly (readonly [topic: string, process: string])[];
}

/** Says that the sender ends, so that all of its members leave. */
export interface Farewell {
  readonly type: 'farewell';
  readonly process: string;
}

/** The differences between two versions of the sender's list of members. */
export interface Changes {
  readonly type: 'changes';
  readonly process: string;
  readonly previous: number;
  readonly version: number;
  /** The receiver applies `left` before `joined`, because a connection that left and joined again is in both lists. */
  readonly left: readonly number[];
  /** The new members, and the members whose info (the value from the application) has changed. */
  readonly joined: readonly MemberEntry[];
}

/** One part of a snapshot. A snapshot is the complete list of the sender's members in a topic. */
export interface Snapshot {
  readonly type: 'snapshot';
  readonly process: string;
  readonly version: number;
  readonly part: number;
  readonly parts: number;
  readonly members: readonly MemberEntry[];
}

export type PresenceMessage = Beat | Farewell | Changes | Snapshot;

export function randomProcess(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
}

/** Returns the name to which the changes of a topic's members are published. */
export function presenceTopic(topic: string): string {
  return PREFIX + topic;
}

/** True if messages to this name are about members (presence). */
export function isPresenceName(name: string): boolean {
  return name === CONTROL || name.startsWith(PREFIX);
}

/** Returns the topic, if the changes of a topic's members are published to this name. Otherwise returns null. */
export function watchedTopic(name: string): string | null {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

/** Splits a list of JSON texts into parts. Each part fits into one message. If the list is empty, returns one empty part. */
export function inParts(texts: Iterable<string>): string[][] {
  let part: string[] = [];
  const parts = [part];
  let size = 0;
  for (const text of texts) {
    if (size > 0 && size + text.length > PART_SIZE) {
      part = [];
      parts.push(part);
      size = 0;
    }
    part.push(text);
    size += text.length + 1;
  }
  return parts;
}

/**
 * Serializes a beat, which says that the sender is alive. A long beat becomes several beats. @param lists the elements of each list, each
 * as JSON
 */
export function serializeBeats(
  head: Pick<Beat, 'process' | 'lease' | 'hello'>,
  lists: Readonly<Record<'watched' | 'versions' | 'needs', Iterable<string>>>,
): Buffer[] {
  const [watched, versions, needs] = [inParts(lists.watched), inParts(lists.versions), inParts(lists.needs)];
  const beats: Buffer[] = [];
  for (let at = 0; at < Math.max(watched.length, versions.length, needs.length); at++) {
    const hello = head.hello && at === 0;
    beats.push(
      serialize(
        'beat',
        head.process,
        { lease: String(head.lease), hello: String(hello) },
        {
          watched: watched[at],
          versions: versions[at],
          needs: needs[at],
        },
      ),
    );
  }
  return beats;
}

export function serializeFarewell(process: string): Buffer {
  return serialize('farewell', process, {}, {});
}

/**
 * Serializes the changes of the sender's members.
 * @param joined new and changed members, each as JSON
 */
export function serializeChanges(
  { process, previous, version, left }: Pick<Changes, 'process' | 'previous' | 'version' | 'left'>,
  joined: readonly string[],
): Buffer {
  const numbers = { previous: String(previous), version: String(version) };
  return serialize('changes', process, numbers, { left: left.map(String), joined });
}

/**
 * Serializes one part of a snapshot (the list of all members).
 * @param members the members, each as JSON
 */
export function serializeSnapshot(
  { process, version, part, parts }: Pick<Snapshot, 'process' | 'version' | 'part' | 'parts'>,
  members: readonly string[],
): Buffer {
  const numbers = { version: String(version), part: String(part), parts: String(parts) };
  return serialize('snapshot', process, numbers, { members });
}

/**
 * Serializes a message of any type.
 * @param fields the values, each as JSON
 * @param lists the elements of each list, each as JSON
 */
function serialize(
  type: PresenceMessage['type'],
  process: string,
  fields: Readonly<Record<string, string>>,
  lists: Readonly<Record<string, readonly string[] | undefined>>,
): Buffer {
  let text = `{"format":${FORMAT},"type":"${type}","process":${JSON.stringify(process)}`;
  for (const [name, value] of Object.entries(fields)) text += `,"${name}":${value}`;
  for (const [name, elements = []] of Object.entries(lists)) text += `,"${name}":[${elements.join(',')}]`;
  return Buffer.from(`${text}}`);
}

/** Parses a message. @returns null for bytes that are not a valid message */
export function parsePresence(bytes: Uint8Array): PresenceMessage | null {
  if (bytes.length > MAX_SIZE) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const message = value as Readonly<Record<string, unknown>>;
  const check = Object.hasOwn(checks, String(message.type))
    ? checks[message.type as keyof typeof checks]
    : null;
  if (message.format !== FORMAT || check === null || !isProcess(message.process)) return null;
  return check(message) ? (message as unknown as PresenceMessage) : null;
}

/** If the info of a member is larger than `maxSize` bytes, sets it to null. @returns true if any info was too large */
export function limitInfos(entries: readonly MemberEntry[], maxSize: number): boolean {
  let hasLarge = false;
  for (const entry of entries) {
    if (isSmall(entry[1], maxSize)) continue;
    entry[1] = null;
    hasLarge = true;
  }
  return hasLarge;
}

function isSmall(info: unknown, maxSize: number): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(info)) <= maxSize;
  } catch {
    // `JSON.stringify` has thrown, because the value is nested too deeply.
    return false;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const checks: Readonly<Record<PresenceMessage['type'], (message: Fields) => boolean>> = {
  beat: ({ lease, hello, watched, versions, needs }) =>
    isCount(lease) &&
    typeof hello === 'boolean' &&
    isListOf(watched, isText) &&
    isListOf(versions, (pair) => isPair(pair, isText, isCount)) &&
    isListOf(needs, (pair) => isPair(pair, isText, (process) => process === '' || isProcess(process))),
  farewell: () => true,
  changes: ({ previous, version, left, joined }) =>
    isCount(previous) &&
    isCount(version) &&
    previous < version &&
    isListOf(left, isCount) &&
    isListOf(joined, isMember),
  snapshot: ({ version, part, parts, members }) =>
    isCount(version) &&
    version > 0 &&
    isCount(part) &&
    isCount(parts) &&
    part < parts &&
    isListOf(members, isMember),
};

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isProcess(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_PROCESS_LENGTH;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isMember(value: unknown): boolean {
  return isPair(value, isCount, () => true);
}

function isPair(
  value: unknown,
  first: (one: unknown) => boolean,
  second: (one: unknown) => boolean,
): boolean {
  return Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1]);
}

function isListOf(value: unknown, check: (element: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(check);
}
