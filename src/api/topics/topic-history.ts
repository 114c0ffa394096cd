/**
 * Serves clients that reconnect with an offset. An offset says which messages of a topic a client has received. catch-up.ts sends each
 * connection the messages that it missed, one topic after the other. New messages of a topic are kept until the connection is a member of
 * the topic.
 */

import type { Connection } from '../connection.ts';
import type { BusHistory } from './bus.ts';
import { CatchUp, type CatchUpOwner } from './catch-up.ts';
import { type Envelope, parseEnvelope } from './envelope.ts';
import { parseOffset, serializeOffset } from './history-offset.ts';
import { Joiner, Joining } from './joining.ts';
import { ReceivedBefore } from './received-before.ts';
import { RecentMap } from './recent-map.ts';
import type { Subscriptions, Topic } from './subscriptions.ts';
import { Unsettled } from './unsettled.ts';

// If the bus refuses a message, the topic of the message is remembered. At most twice this number of topics are remembered.
const MAX_REFUSED = 50_000;

export class TopicHistory {
  readonly #history: BusHistory;
  readonly #subscriptions: Subscriptions;
  readonly #owner: CatchUpOwner;
  readonly #joining = new Map<string, Joining>();
  readonly #unsettled = new Unsettled();
  readonly #receivedBefore = new ReceivedBefore();
  /**
   * For each connection, a queue of joiners. A joiner stands for the connection and one topic with missed messages. The missed messages of
   * the first joiner are being sent. The other joiners wait.
   */
  readonly #queues = new Map<Connection<unknown>, Joiner[]>();
  readonly #catchUp: CatchUp;
  /**
   * The topics for which the bus has refused a message of this process. The value is the number of the last refused message. The members
   * have received this message, but a client that reconnects has not. Perhaps the history has no entry yet that reports this loss.
   * The value becomes 0 when the bus accepts a later message.
   */
  readonly #refused = new RecentMap<number>(MAX_REFUSED);

  constructor(history: BusHistory, subscriptions: Subscriptions, owner: CatchUpOwner) {
    this.#history = history;
    this.#subscriptions = subscriptions;
    this.#owner = owner;
    const joining = this.#joining;
    const unsettled = this.#unsettled;
    const receivedBefore = this.#receivedBefore;
    this.#catchUp = new CatchUp({ history, subscriptions, joining, unsettled, receivedBefore }, owner);
  }

  /**
   * Subscribes a connection whose client has sent an offset. The connection first receives the messages after the offset.
   * @throws {TopicError} for an invalid name or offset, and if a limit is exceeded
   */
  subscribe(connection: Connection<unknown>, name: string, wildcards: boolean, after: string): void {
    const offset = parseOffset(after, (text) => this.#history.isPosition(text));
    const isPattern = wildcards && name.includes('*');
    if (!this.#subscriptions.add(connection, name, wildcards, !isPattern)) return;
    if (isPattern) {
      this.#catchUp.gap(connection, name);
      return;
    }
    const joiner = new Joiner(connection, name, offset, this.#owner.messages.lastNumber);
    joiner.hasMissedOwn = (this.#refused.get(name) ?? 0) > 0;
    let joining = this.#joining.get(name);
    if (joining === undefined) {
      joining = new Joining(this.#history.positionOf(name));
      this.#joining.set(name, joining);
    }
    joining.joiners.set(connection, joiner);
    const queue = this.#queues.get(connection);
    if (queue === undefined) void this.#runAll(connection, [joiner]);
    else {
      // A client that does not read its messages might subscribe and unsubscribe many times. So each `Joiner` that is not needed any more
      // is removed.
      const waiting = queue.splice(1);
      for (const each of waiting) if (!this.#catchUp.isAlive(each)) this.#catchUp.end(each);
      queue.push(...waiting.filter(({ isDone }) => !isDone), joiner);
    }
  }

  /** Returns an offset that says which messages of a topic a connection has received. Returns null if this is unknown. */
  offsetOf(connection: Connection<unknown>, name: string): string | null {
    const topic = this.#subscriptions.get(name);
    if (topic === undefined) return null;
    if (topic.members.has(connection)) {
      const position = this.#history.positionOf(name);
      if (position === null) return null;
      const { publisher } = this.#owner.messages;
      const received = this.#receivedBefore.pendingOf(connection, name);
      const own = [publisher, this.#owner.messages.lastNumberTo(name)] as const;
      return serializeOffset({ position, received: new Map([own, ...received, own]) });
    }
    const joiner = this.#joining.get(name)?.joiners.get(connection);
    if (joiner === undefined || !this.#catchUp.isAlive(joiner)) return null;
    return serializeOffset({ ...joiner.offset, position: joiner.position });
  }

  /** Is called before a message of this process is published on the bus. */
  published(topic: string, number: number, bytes: Uint8Array): void {
    this.#unsettled.add(topic, number);
    this.#joining.get(topic)?.own.push({ number, bytes });
  }

  /** Is called when a message is sent only to members in this process. The history will never contain this message. */
  publishedLocally(topic: string): void {
    this.#joining.get(topic)?.missed();
  }

  /** Is called when the bus has accepted or refused a message. */
  settled(topic: string, number: number, isPublished: boolean): void {
    this.#unsettled.delete(topic, number);
    const refused = this.#refused.get(topic) ?? 0;
    if (!isPublished) this.#refused.set(topic, Math.max(number, refused));
    else if (refused > 0 && number > refused) this.#refused.set(topic, 0);
    const joining = this.#joining.get(topic);
    if (joining === undefined) return;
    if (!isPublished) {
      joining.own = joining.own.filter((message) => message.number !== number);
      joining.missed();
    }
    joining.wake();
  }

  /**
   * Is called when a message has come over the bus. The message was already sent to the members of the topic. @param bytes the message with
   * its envelope (header)
   */
  received(topic: string, bytes: Uint8Array): void {
    const joining = this.#joining.get(topic);
    const position = joining === undefined ? null : this.#history.positionOf(topic);
    if (joining === undefined || position === null) return;
    const envelope = parseEnvelope(bytes);
    if (envelope?.publisher === this.#owner.messages.publisher)
      joining.own = joining.own.filter(({ number }) => number > envelope.number);
    joining.received(position, bytes);
    for (const joiner of [...joining.joiners.values()]) this.#catchUp.tryJoin(joiner, joining);
    joining.wake();
  }

  /** Is called when the subscription to a topic is active on the bus. */
  covered(topic: string): void {
    this.#joining.get(topic)?.wake();
  }

  left(topic: string, connection: Connection<unknown>): void {
    this.#receivedBefore.left(connection, topic);
  }

  closed(topic: string): void {
    this.#receivedBefore.delete(topic);
  }

  /** Returns the connections that have already received this message from another process. Returns null if there are none. */
  receivedBefore(
    topic: string,
    message: Envelope,
    topics: readonly Topic[],
  ): Set<Connection<unknown>> | null {
    return this.#receivedBefore.of(topic, message, topics);
  }

  /** Is called when messages of a topic were lost. The members of the topic have already been notified. */
  lost(topic: string): void {
    this.#joining.get(topic)?.lost(this.#owner.messages.lastNumber);
  }

  // ---- catching up ----

  async #runAll(connection: Connection<unknown>, queue: Joiner[]): Promise<void> {
    this.#queues.set(connection, queue);
    let isAnswered = true;
    for (let joiner = queue[0]; joiner !== undefined; joiner = queue[0]) {
      // If the bus did not answer for one topic, the bus is not asked for the later topics of this connection.
      if (isAnswered) isAnswered = await this.#catchUp.run(joiner);
      if (!isAnswered) this.#catchUp.giveUp(joiner);
      this.#catchUp.end(joiner);
      queue.shift();
    }
    this.#queues.delete(connection);
  }
}
