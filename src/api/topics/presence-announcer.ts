/**
 * Keeps a list of the members in this process, for each topic that any process watches. A member is a connection that has subscribed to
 * the topic. Announces these members to the other processes. Each change waits for a moment, so that several changes are sent in one
 * message. Topics that no process watches are not kept here.
 */

import type { Connection } from '../connection.ts';
import type { PresenceHost } from './presence-host.ts';
import { inParts, serializeChanges, serializeSnapshot } from './presence-messages.ts';
import type { PresenceValues } from './presence-options.ts';
import { TopicError } from './topic-error.ts';

// A snapshot (a list of all members) is sent in one or more messages. After a snapshot of n messages, the next snapshot of the topic waits
// for n times this number of milliseconds. This limits the number of snapshots, even if many processes request them.
const PAUSE_PER_PART = 10;

export interface OwnMember {
  readonly number: number;
  readonly info: unknown;
  /** The member as JSON, in the form `[number, info]`. Messages contain this text. */
  readonly text: string;
}

/** A topic that a process watches: this process, or another process, wants to know its members. */
export class WatchedTopic {
  readonly topic: string;
  readonly members: Map<Connection<unknown>, OwnMember> = new Map();
  /** True if this process wants to know the members of the topic. */
  isWatchedHere = false;
  /** The names of the other processes that want to know the members of the topic. */
  readonly watchers: Set<string> = new Set();
  /** The version of the last list of members that was announced. 0 while no other process watches the topic. */
  version = 0;
  isSnapshotDue = false;
  /** The earliest time at which the next snapshot (a list of all members) may be sent. */
  snapshotFrom = 0;
  /** The members that have joined since the last announcement. The key is the number of a member. The value is the member as JSON. */
  readonly joined: Map<number, string> = new Map();
  /** The members that were announced before, but whose info (the value from the application) has changed since the last announcement. */
  readonly updated: Map<number, string> = new Map();
  readonly left: Set<number> = new Set();

  constructor(topic: string) {
    this.topic = topic;
  }
}

export interface AnnouncerHost extends Pick<PresenceHost, 'subscribersOf' | 'failed'> {
  publish(topic: string, message: Buffer): void;
  /** Is called when changes have to be announced soon. */
  changed(): void;
}

export class PresenceAnnouncer {
  readonly #process: string;
  readonly #options: Pick<PresenceValues, 'member' | 'maxInfoSize' | 'maxTopics'>;
  readonly #host: AnnouncerHost;
  readonly #topics = new Map<string, WatchedTopic>();
  /** The topics for which changes, or a snapshot (a list of all members), have to be sent. */
  readonly #changed = new Set<WatchedTopic>();
  readonly #numbers = new WeakMap<Connection<unknown>, number>();
  #lastNumber = 0;
  /** The number of topics that other processes watch. */
  #watchedByOthers = 0;
  /** The last version that was used for any topic. */
  #version = 0;

  constructor(process: string, options: PresenceValues, host: AnnouncerHost) {
    this.#process = process;
    this.#options = options;
    this.#host = host;
  }

  get(topic: string): WatchedTopic | undefined {
    return this.#topics.get(topic);
  }

  /** Notes that this process wants to know the members of a topic. */
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

  /** Notes that another process wants to know the members of a topic. @returns false if other processes already watch `maxTopics` topics */
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

  /**
   * Is called when another process asks for all members of a topic. The next call of `announce` sends them in a snapshot (a complete list).
   */
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
   * Asks the application again for the info (a JSON value) of a member. @returns the member with its new info; null if the connection is
   * not a member, or if the info has not changed
   */
  update(topic: string, connection: Connection<unknown>): OwnMember | null {
    const watched = this.#topics.get(topic);
    const known = watched?.members.get(connection);
    if (watched === undefined || known === undefined) return null;
    const member = this.#memberOf(connection, topic, known.number);
    // The application's function `member` has just been called. This function might have unsubscribed the connection.
    if (member.text === known.text || watched.members.get(connection) !== known) return null;
    watched.members.set(connection, member);
    if (watched.watchers.size > 0) {
      const { joined, updated } = watched;
      (joined.has(member.number) ? joined : updated).set(member.number, member.text);
      this.#change(watched);
    }
    return member;
  }

  /** Removes a member. @returns the removed member; null if the connection was not a member */
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

  /**
   * Sends the changes. Also sends the snapshots (lists of all members) that do not have to wait. @returns true if some snapshots have to be
   * sent later
   */
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

  /** Returns the version of each list of members that was announced. Each version is JSON, as beats (regular messages) contain it. */
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

  /** Asks the application for the info (a JSON value) of a connection. @returns the info as JSON */
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
    // One message carries the last part of `left` and the first part of `joined`. So n parts need n - 1 messages.
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
