/**
 * Lets a client that has reconnected catch up with a topic. The history of the bus supplies the messages that the client has missed. After
 * the last of these messages, the connection becomes a member of the topic. A member receives new messages directly. So the client receives
 * each message once, and in order. If the client reads slowly, the catch-up waits.
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

// Milliseconds. If the bus has not answered in this time, a gap is reported for the connection. The connection then becomes a member
// without the missed messages.
const MAX_WAIT = 10_000;
const POLL_INTERVAL = 100;

/** The parts of `Topics` that catching up uses. */
export interface CatchUpOwner {
  readonly limits: { readonly maxBuffered: number; readonly maxMessageSize: number };
  readonly messages: BusMessages;
  readonly counts: { sent: number; gaps: number; invalid: number };
  readonly events: TopicsEvents;
  /** Sends a message to the members of a topic. The option `slow` is applied to members that read too slowly. */
  send(topic: Topic, outgoing: Outgoing): void;
}

/** The state that `CatchUp` shares with `TopicHistory`. */
export interface CatchUpState {
  readonly history: BusHistory;
  readonly subscriptions: Subscriptions;
  /** The topics that have joiners. A joiner is a connection that catches up with a topic. */
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

  /** Lets one connection catch up with one topic. @returns false if the bus fails or does not answer */
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
      // If the bus has deleted the missed messages, the connection continues at the position of the members.
      const isLost = page.isGap && page.messages.length === 0;
      joiner.position = (isLost ? this.#state.history.positionOf(topic) : null) ?? page.position;
      // From now on, `offsetOf` returns an offset after the gap. So the gap has to be reported now.
      this.#tellGap(joiner);
      if (!this.isAlive(joiner)) break;
      count = nextCount(page, count);
      if (!page.isEnd) continue;
      joiner.mayJoin = joiner.beginnings === beginnings;
      // The connection cannot become a member yet in two cases. First: newer messages than those of this page have come. Second: some
      // messages of this page have not come over the bus yet.
      const joining = this.#state.joining.get(topic)!;
      if (!this.tryJoin(joiner, joining)) await this.#pause(joining);
    }
    return true;
  }

  /**
   * Waits for two things. The subscription on the bus has to be active. The bus has to settle all messages of this process up to the number
   * `since`. A settled message is in the history or lost.
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

  /** Waits until `wake` is called for a topic, but at most `POLL_INTERVAL` milliseconds. */
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
   * Makes a connection a member if it has received the same messages as the members. If it lacks some messages, and they are in memory,
   * they are sent first.
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

  /** Sends messages of this process that have not come back over the bus. Their numbers must be above `since`. */
  #sendOwn(joiner: Joiner, joining: Joining): void {
    const alone = new Topic(joiner.topic);
    alone.members.add(joiner.connection);
    // The bus does not send back messages that were published before the subscription was active. They may have been read from the history
    // already. So they must not be sent again.
    let last = Math.max(joiner.since, joiner.last.get(this.#owner.messages.publisher) ?? 0);
    // A handler that is called during this loop may publish more messages.
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

  /** Makes a connection a member without the messages that it missed, and reports a gap. */
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

  /** Forgets a joiner whose connection has become a member, or has left. */
  end(joiner: Joiner): void {
    const { connection, topic } = joiner;
    joiner.isDone = true;
    const joining = this.#state.joining.get(topic);
    // If the connection has subscribed again, it has a new joiner. The new joiner must stay.
    if (joining === undefined || joining.joiners.get(connection) !== joiner) return;
    joining.joiners.delete(connection);
    if (joining.joiners.size === 0) this.#state.joining.delete(topic);
    joining.wake();
  }

  /** Whether the connection of this joiner still waits to become a member. */
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
      // The message is skipped in two cases. First: the client has already received the message from another process, before the bus had
      // it. Second: the history has the message after later messages of the same publisher. Such a message counts as lost.
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
