/**
 * Keeps the members of this process in topics that any process watches, and announces these members to the other processes. A member is a
 * connection that subscribed to the topic. Changes wait for a moment and are sent together. So many subscriptions in a short time cause few
 * messages. Topics that no process watches are not kept here.
 */

import type { Connection } from '../connection.ts';
import type { PresenceHost } from './presence-host.ts';
import { inParts, serializeChanges, serializeSnapshot } from './presence-messages.ts';
import type { PresenceValues } from './presence-options.ts';
import { TopicError } from './topic-error.ts';

// Milliseconds. A snapshot is sent in n parts, which are messages. The next snapshot of the same topic waits for n times this time, even if
// many processes ask for it.
const PAUSE_PER_PART = 10;

export interface OwnMember {
  readonly number: number;
  readonly info: unknown;
  /** The member as JSON: `[number, info]`, as messages contain it. */
  readonly text: string;
}

/** A topic that this or another process watches. */
export class WatchedTopic {
  readonly topic: string;
  readonly members: Map<Connection<unknown>, OwnMember> = new Map();
  /** Whether this process watches the topic. */
  isWatchedHere = false;
  /** The other processes that watch the topic. */
  readonly watchers: Set<string> = new Set();
  /** The version of the last announcement; 0 while no other process watches the topic. */
  version = 0;
  isSnapshotDue = false;
  /** The earliest time at which the next snapshot may be sent. */
  snapshotFrom = 0;
  /** The members that have joined since the last announcement: the number of each member, and the member as JSON. */
  readonly joined: Map<number, string> = new Map();
  /** Members that were announced before, and whose info has changed since the last announcement. */
  readonly updated: Map<number, string> = new Map();
  readonly left: Set<number> = new Set();

  constructor(topic: string) {
    this.topic = topic;
  }
}

export interface AnnouncerHost extends Pick<PresenceHost, 'subscribersOf' | 'failed'> {
  publish(topic: string, message: Buffer): void;
  /** Is called when there are changes to announce. */
  changed(): void;
}

export class PresenceAnnouncer {
  readonly #process: string;
  readonly #options: Pick<PresenceValues, 'member' | 'maxInfoSize' | 'maxTopics'>;
  readonly #host: AnnouncerHost;
  readonly #topics = new Map<string, WatchedTopic>();
  /** The topics that have something to announce: changes, or a snapshot. */
  readonly #changed = new Set<WatchedTopic>();
  readonly #numbers = new WeakMap<Connection<unknown>, number>();
  #lastNumber = 0;
  /** The number of topics that other processes watch. */
  #watchedByOthers = 0;
  /** The last version that any topic has used. */
  #version = 0;

  constructor(process: string, options: PresenceValues, host: AnnouncerHost) {
    this.#process = process;
    this.#options = options;
    this.#host = host;
  }

  get(topic: string): WatchedTopic | undefined {
    return this.#topics.get(topic);
  }

  /** Adds this process to the watchers of a topic. */
  watchHere(topic: string): WatchedTopic {
    const watched = this.#watched(topic);
    watched.isWatchedHere = true;
    return watched;
  }

  unwatchHere(topic: string): void {
    const watched = this.#topics.get(topic);
    if (watched === undefined) return;
    watched.isWatchedHere = false;
    this.#release(watched);
  }

  /** Adds another process to the watchers of a topic. @returns false if `maxTopics` topics are watched already */
  watch(topic: string, process: string): boolean {
    const isNew = (this.#topics.get(topic)?.watchers.size ?? 0) === 0;
    if (isNew && this.#watchedByOthers >= this.#options.maxTopics) return false;
    const watched = this.#watched(topic);
    watched.watchers.add(process);
    if (isNew) this.#watchedByOthers++;
    if (watched.version === 0) this.snapshotNeeded(topic);
    return true;
  }

  unwatch(topic: string, process: string): void {
    const watched = this.#topics.get(topic);
    if (watched === undefined) return;
    if (!watched.watchers.delete(process)) return;
    if (watched.watchers.size === 0) this.#watchedByOthers--;
    this.#release(watched);
  }

  /** Is called when another process asks for all members of a topic. They will be sent in a snapshot. */
  snapshotNeeded(topic: string): void {
    const watched = this.#topics.get(topic);
    if (watched === undefined || watched.watchers.size === 0) return;
    watched.isSnapshotDue = true;
    this.#change(watched);
  }

  /** Adds a connection that subscribed to a topic. @returns the new member, or null if no process watches the topic */
  join(topic: string, connection: Connection<unknown>): OwnMember | null {
    const watched = this.#topics.get(topic);
    return watched === undefined ? null : this.#join(watched, connection);
  }

  /**
   * Asks the application for the info of a member again.
   * @returns the member with its new info. Null if the connection is not a member, or if its info has not changed
   */
  update(topic: string, connection: Connection<unknown>): OwnMember | null {
    const watched = this.#topics.get(topic);
    const known = watched?.members.get(connection);
    if (watched === undefined || known === undefined) return null;
    const member = this.#memberOf(connection, topic, known.number);
    // The application's function `member` may have unsubscribed the connection.
    if (member.text === known.text || watched.members.get(connection) !== known) return null;
    watched.members.set(connection, member);
    if (watched.watchers.size > 0) {
      const { joined, updated } = watched;
      (joined.has(member.number) ? joined : updated).set(member.number, member.text);
      this.#change(watched);
    }
    return member;
  }

  /** Removes a member. @returns the former member, or null if the connection was not a member */
  leave(topic: string, connection: Connection<unknown>): OwnMember | null {
    const watched = this.#topics.get(topic);
    const member = watched?.members.get(connection);
    if (watched === undefined || member === undefined) return null;
    watched.members.delete(connection);
    if (watched.watchers.size > 0) {
      watched.updated.delete(member.number);
      if (!watched.joined.delete(member.number)) watched.left.add(member.number);
      this.#change(watched);
    }
    return member;
  }

  /** Sends the changes and the snapshots that are due. @returns whether some snapshots have to be sent later */
  announce(now: number): boolean {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const watched of changed) {
      if (watched.watchers.size === 0) continue;
      if (watched.isSnapshotDue && (watched.version === 0 || now >= watched.snapshotFrom))
        this.#sendSnapshot(watched, now);
      else this.#sendChanges(watched);
      if (watched.isSnapshotDue) this.#changed.add(watched);
    }
    return this.#changed.size > 0;
  }

  /** The versions of the announced lists, as entries of beats. */
  *versions(): Generator<string> {
    for (const { topic, version } of this.#topics.values())
      if (version > 0) yield JSON.stringify([topic, version]);
  }

  #watched(topic: string): WatchedTopic {
    let watched = this.#topics.get(topic);
    if (watched !== undefined) return watched;
    watched = new WatchedTopic(topic);
    this.#topics.set(topic, watched);
    for (const connection of this.#host.subscribersOf(topic)) this.#join(watched, connection);
    return watched;
  }

  #release(watched: WatchedTopic): void {
    if (watched.watchers.size > 0) return;
    watched.version = 0;
    watched.isSnapshotDue = false;
    watched.joined.clear();
    watched.updated.clear();
    watched.left.clear();
    this.#changed.delete(watched);
    if (!watched.isWatchedHere) this.#topics.delete(watched.topic);
  }

  #change(watched: WatchedTopic): void {
    this.#changed.add(watched);
    this.#host.changed();
  }

  #join(watched: WatchedTopic, connection: Connection<unknown>): OwnMember | null {
    if (watched.members.has(connection)) return null;
    let number = this.#numbers.get(connection);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(connection, number);
    }
    const member = this.#memberOf(connection, watched.topic, number);
    watched.members.set(connection, member);
    if (watched.watchers.size > 0) {
      watched.joined.set(number, member.text);
      this.#change(watched);
    }
    return member;
  }

  #memberOf(connection: Connection<unknown>, topic: string, number: number): OwnMember {
    const info = this.#infoOf(connection, topic);
    return { number, info: JSON.parse(info) as unknown, text: `[${number},${info}]` };
  }

  /** Returns the info of a connection as JSON. */
  #infoOf(connection: Connection<unknown>, topic: string): string {
    const { member, maxInfoSize } = this.#options;
    if (member === undefined) return 'null';
    let cause: unknown;
    try {
      const info: string | undefined = JSON.stringify(member(connection, topic));
      if (info === undefined) return 'null';
      if (Buffer.byteLength(info) <= maxInfoSize) return info;
    } catch (error) {
      cause = error;
    }
    this.#host.failed(new TopicError('WS_PRESENCE_INFO', cause === undefined ? undefined : { cause }));
    return 'null';
  }

  #sendSnapshot(watched: WatchedTopic, now: number): void {
    const { topic } = watched;
    const version = ++this.#version;
    const lists = inParts(Array.from(watched.members.values(), ({ text }) => text));
    watched.version = version;
    watched.isSnapshotDue = false;
    watched.snapshotFrom = now + lists.length * PAUSE_PER_PART;
    watched.joined.clear();
    watched.updated.clear();
    watched.left.clear();
    const head = { process: this.#process, version, parts: lists.length };
    for (const [part, members] of lists.entries())
      this.#host.publish(topic, serializeSnapshot({ ...head, part }, members));
  }

  #sendChanges(watched: WatchedTopic): void {
    const { topic } = watched;
    const { joined: added, updated } = watched;
    if (added.size === 0 && updated.size === 0 && watched.left.size === 0) return;
    const left = inParts([...watched.left].map(String));
    const joined = inParts([...added.values(), ...updated.values()]);
    watched.left.clear();
    added.clear();
    updated.clear();
    // The message with the last part of `left` also carries the first part of `joined`.
    for (let at = 0; at < left.length + joined.length - 1; at++) {
      const previous = watched.version;
      watched.version = ++this.#version;
      this.#host.publish(
        topic,
        serializeChanges(
          { process: this.#process, previous, version: watched.version, left: (left[at] ?? []).map(Number) },
          joined[at - left.length + 1] ?? [],
        ),
      );
    }
  }
}
