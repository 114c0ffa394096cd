/**
 * Sends the messages of a topic that a client missed before it reconnected. This file reads these messages from the history of the bus.
 * After the last missed message, the connection becomes a member of the topic. A member receives new messages directly. So the client
 * receives each message once, and in order. If the client reads slowly, the next messages are read later.
 */

import { clock } from '../../transport/clock.ts';
import type { Connection } from '../connection.ts';
import type { BusHistory, HistoryPage } from './bus.ts';
import type { BusMessages } from './bus-messages.ts';
import { ENVELOPE_SIZE, type Envelope, parseEnvelope } from './envelope.ts';
import { type Outgoing, sendTo } from './fan-out.ts';
import { FIRST_COUNT, nextCount } from './history-pages.ts';
import type { Joiner, Joining } from './joining.ts';
import type { ReceivedBefore } from './received-before.ts';
import { type Subscriptions, Topic } from './subscriptions.ts';
import { TopicError } from './topic-error.ts';
import type { TopicsEvents } from './topics-events.ts';
import type { Unsettled } from './unsettled.ts';

// Milliseconds. If the bus does not answer in this time, the connection becomes a member of the topic without the missed messages. The
// application is notified of the gap.
const MAX_WAIT = 10_000;
const POLL_INTERVAL = 100;

/** The parts of `Topics` that this file uses. */
export interface CatchUpOwner {
  readonly limits: { readonly maxBuffered: number; readonly maxMessageSize: number };
  readonly messages: BusMessages;
  readonly counts: { sent: number; gaps: number; invalid: number };
  readonly events: TopicsEvents;
  /** Sends a message to the members of a topic. Applies the option `slow` to members that read too slowly. */
  send(topic: Topic, outgoing: Outgoing): void;
}

/** The objects that `CatchUp` and `TopicHistory` share. */
export interface CatchUpState {
  readonly history: BusHistory;
  readonly subscriptions: Subscriptions;
  /** The topics that have joiners. A joiner is a connection that is receiving missed messages. */
  readonly joining: Map<string, Joining>;
  readonly unsettled: Unsettled;
  readonly receivedBefore: ReceivedBefore;
}

export class CatchUp {
  readonly #state: CatchUpState;
  readonly #owner: CatchUpOwner;

  constructor(state: CatchUpState, owner: CatchUpOwner) {
    this.#state = state;
    this.#owner = owner;
  }

  /** Sends the missed messages of one topic to one connection. @returns false if the bus fails or does not answer */
  async run(joiner: Joiner): Promise<boolean> {
    const { connection, topic } = joiner;
    let count = FIRST_COUNT;
    while (this.isAlive(joiner)) {
      if (!(await this.#drained(connection))) return true;
      const { beginnings } = joiner;
      if (!(await this.#begin(joiner))) return false;
      if (!this.isAlive(joiner)) break;
      const page = await this.#read(joiner, count);
      if (!this.isAlive(joiner)) break;
      if (page === null) return false;
      if (page.isGap) joiner.hasMissed = true;
      this.#send(joiner, page.messages);
      if (!this.isAlive(joiner)) break;
      // If the bus has deleted the missed messages, the connection continues at the position that the members of the topic have reached.
      const isLost = page.isGap && page.messages.length === 0;
      joiner.position = (isLost ? this.#state.history.positionOf(topic) : null) ?? page.position;
      // From now on, `offsetOf` returns an offset after the gap. So the gap (the lost messages) has to be reported now.
      this.#tellGap(joiner);
      if (!this.isAlive(joiner)) break;
      count = nextCount(page, count);
      if (!page.isEnd) continue;
      joiner.mayJoin = joiner.beginnings === beginnings;
      // The connection cannot become a member yet in two cases:
      // - The history has newer messages than this page.
      // - Some messages of this page have not come over the bus yet.
      const joining = this.#state.joining.get(topic)!;
      if (!this.tryJoin(joiner, joining)) await this.#pause(joining);
    }
    return true;
  }

  /**
   * Waits until two conditions are true:
   * - The subscription on the bus is active.
   * - The bus has accepted or refused all messages of this process up to the number `since`.
   * @returns false if this takes longer than `MAX_WAIT` milliseconds
   */
  async #begin(joiner: Joiner): Promise<boolean> {
    const { topic } = joiner;
    const deadline = clock.now() + MAX_WAIT;
    while (this.isAlive(joiner)) {
      if (this.#state.history.positionOf(topic) !== null && !this.#state.unsettled.has(topic, joiner.since))
        return true;
      if (clock.now() > deadline) return false;
      await this.#pause(this.#state.joining.get(topic)!);
    }
    return true;
  }

  /** Waits until at most `maxBuffered` bytes wait for the socket. @returns false if the connection is closed */
  async #drained(connection: Connection<unknown>): Promise<boolean> {
    while (connection.bufferedAmount > this.#owner.limits.maxBuffered) {
      try {
        await connection.drained();
      } catch {
        return false;
      }
    }
    return connection.state === 'open';
  }

  /** Waits until `wake` is called for a topic. Waits at most `POLL_INTERVAL` milliseconds. */
  async #pause(joining: Joining): Promise<void> {
    const timer = clock.setTimeout(() => joining.wake(), POLL_INTERVAL);
    await joining.pause();
    clock.clearTimeout(timer);
  }

  /** Reads a page of the history. @returns null if the bus fails or does not answer */
  #read(joiner: Joiner, count: number): Promise<HistoryPage | null> {
    const { topic, position } = joiner;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => resolve(null), MAX_WAIT);
      const read = async (): Promise<HistoryPage> => this.#state.history.read(topic, position, count);
      read()
        .then(resolve, (error) => {
          if (this.isAlive(joiner)) this.#owner.events.error(new TopicError('WS_BUS', { cause: error }));
          resolve(null);
        })
        .finally(() => clock.clearTimeout(timer));
    });
  }

  /**
   * Makes a connection a member of the topic, if it has received the same messages as the members. If the messages that it lacks are still
   * in memory, it receives them first.
   */
  tryJoin(joiner: Joiner, joining: Joining): boolean {
    if (!joiner.mayJoin || !this.isAlive(joiner)) return joiner.isDone;
    const position = this.#state.history.positionOf(joiner.topic);
    if (position === null) return false;
    if (joiner.position !== position) {
      const rest = joining.after(joiner.position);
      if (rest === null) return false;
      this.#send(joiner, rest);
      joiner.position = position;
    }
    joiner.hasMissed ||= joiner.hasMissedOwn;
    if (this.isAlive(joiner)) this.#tellGap(joiner);
    this.#sendOwn(joiner, joining);
    this.#join(joiner);
    return true;
  }

  /** Sends the messages of this process that have not come back over the bus. Skips the messages with a number up to `since`. */
  #sendOwn(joiner: Joiner, joining: Joining): void {
    const alone = new Topic(joiner.topic);
    alone.members.add(joiner.connection);
    // `joining.own` can contain messages that the bus never sends back, because they were published before the subscription was active. The
    // connection has already received these messages from the history. So they are skipped.
    let last = Math.max(joiner.since, joiner.last.get(this.#owner.messages.publisher) ?? 0);
    // The loop reads `joining.own` again, because a handler that is called in the loop may publish more messages.
    for (let rest = joining.own; rest.length > 0; rest = joining.own) {
      rest = rest.filter(({ number }) => number > last);
      if (rest.length === 0 || !this.isAlive(joiner)) return;
      for (const { number, bytes } of rest) {
        last = number;
        const envelope = parseEnvelope(bytes);
        if (envelope !== null) this.#owner.send(alone, outgoingOf(joiner.topic, envelope));
      }
    }
  }

  /** Makes a connection a member of the topic, but does not send the messages that it missed. Notifies the application of the gap. */
  giveUp(joiner: Joiner): void {
    if (!this.isAlive(joiner)) return;
    joiner.hasMissed = true;
    this.#tellGap(joiner);
    this.#join(joiner);
  }

  #join(joiner: Joiner): void {
    if (!this.isAlive(joiner)) return;
    const { connection, topic, offset } = joiner;
    this.#state.subscriptions.join(connection, topic);
    this.#state.receivedBefore.add(connection, topic, offset.received);
    this.end(joiner);
  }

  /**
   * Forgets a joiner (a connection that was receiving missed messages). The connection has become a member of the topic, or has
   * unsubscribed.
   */
  end(joiner: Joiner): void {
    const { connection, topic } = joiner;
    joiner.isDone = true;
    const joining = this.#state.joining.get(topic);
    // If the connection has unsubscribed and subscribed again, the map already has a new `Joiner` for it. The new `Joiner` must stay.
    if (joining === undefined || joining.joiners.get(connection) !== joiner) return;
    joining.joiners.delete(connection);
    if (joining.joiners.size === 0) this.#state.joining.delete(topic);
    joining.wake();
  }

  /** True if the connection of this joiner is still receiving missed messages, so that it is not a member of the topic yet. */
  isAlive(joiner: Joiner): boolean {
    const { isDone, connection, topic } = joiner;
    if (isDone || this.#state.joining.get(topic)?.joiners.get(connection) !== joiner) return false;
    return this.#state.subscriptions.get(topic)?.joining?.has(connection) === true;
  }

  /** Notifies the application that a connection has missed messages. */
  gap(connection: Connection<unknown>, topic: string): void {
    this.#owner.counts.gaps++;
    this.#owner.events.gap(topic, [connection]);
  }

  #tellGap(joiner: Joiner): void {
    if (!joiner.hasMissed) return;
    joiner.hasMissed = false;
    this.gap(joiner.connection, joiner.topic);
  }

  #send(joiner: Joiner, messages: HistoryPage['messages']): void {
    const { connection, topic } = joiner;
    for (const { bytes } of messages) {
      if (!this.isAlive(joiner)) return;
      if (bytes === null) {
        joiner.hasMissed = true;
        continue;
      }
      const isTooLong = bytes.length > this.#owner.limits.maxMessageSize + ENVELOPE_SIZE;
      const envelope = isTooLong ? null : parseEnvelope(bytes);
      if (envelope === null) {
        this.#owner.counts.invalid++;
        this.#owner.events.error(new TopicError('WS_BUS_MESSAGE'));
        continue;
      }
      // A message is skipped in two cases:
      // - The client has already received it from another process. A process can deliver a message before the bus has it.
      // - In the history, the message comes after a newer message of the same publisher.
      if (envelope.number <= (joiner.last.get(envelope.publisher) ?? 0)) continue;
      joiner.last.set(envelope.publisher, envelope.number);
      this.#tellGap(joiner);
      sendTo(connection, outgoingOf(topic, envelope));
      this.#owner.counts.sent++;
    }
  }
}

function outgoingOf(name: string, { isBinary, compress, payload }: Envelope): Outgoing {
  return { name, message: payload, isText: !isBinary, compress, except: null };
}
