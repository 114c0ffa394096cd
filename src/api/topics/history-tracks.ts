/**
 * Stores the position of each subscription in the history of its topic (the kept messages). Reads missed messages in three cases:
 * - The connection was lost.
 * - A message shows that an earlier message is missing.
 * - The subscription has just been confirmed. Messages might have come after its first position was read, and before the confirmation.
 *
 * While missed messages are read, new messages are held. They are delivered after the missed messages.
 */

import type { BusHistory, BusReceiver, HistoryPage } from './bus.ts';
import { type HistoryOrder, type HistoryReader, type KeptMessage, START } from './history-engine.ts';
import { FIRST_COUNT, nextCount } from './history-pages.ts';
import { RESERVED } from './topic-name.ts';

/**
 * A held message waits while earlier messages are read. The memory of a held message is the size of the message, plus about this number of
 * bytes.
 */
const HELD_OVERHEAD = 200;

/** The parts of a subscription that this file uses. */
export interface TrackedSubscription {
  readonly pattern: string;
  /** Null after `unsubscribe` was called for the pattern. */
  readonly receiver: BusReceiver | null;
  /** If the subscription might have missed messages, notifies the receiver that there is a gap. */
  tellGap(): void;
}

/** The position of one subscription in the history of its topic. */
class Track {
  readonly subscription: TrackedSubscription;
  /** Settles when the first position was read. Null before the reading begins. */
  started: Promise<void> | null = null;
  /**
   * The id of the last message that the receiver got. Before the first message, this is the position at which the subscription begins. Null
   * until this position is known.
   */
  position: string | null = null;
  /**
   * True while `position` is the position at which the subscription began. False after missed messages were first read, and after the
   * connection was lost.
   */
  isFresh = true;
  /** New messages that wait while earlier messages are read. Null if new messages are delivered immediately. */
  held: KeptMessage[] | null = [];
  /**
   * True if held messages were dropped, because too many messages were held. The dropped messages have to be read from the history later.
   */
  hasDropped = false;
  /** The number of the newest call of `#catchUp`. Also increases when the connection is lost. A call with an older number ends. */
  run = 0;

  constructor(subscription: TrackedSubscription) {
    this.subscription = subscription;
  }
}

/** For each subscription of one bus, the position in the history of the subscribed topic. */
export class HistoryTracks implements BusHistory {
  readonly #reader: HistoryReader;
  readonly #order: HistoryOrder;
  readonly #maxHeld: number;
  readonly #tracks = new Map<string, Track>();
  /** The number of bytes of all held messages (messages that wait while earlier messages are read). */
  #held = 0;

  /** @param maxHeld the maximum number of bytes of new messages that wait while earlier messages are read */
  constructor(reader: HistoryReader, order: HistoryOrder, maxHeld: number) {
    this.#reader = reader;
    this.#order = order;
    this.#maxHeld = maxHeld;
  }

  positionOf(topic: string): string | null {
    return this.#tracks.get(topic)?.position ?? null;
  }

  isPosition(text: string): boolean {
    return this.#order.isPosition(text);
  }

  read(topic: string, after: string, count: number): Promise<HistoryPage> {
    return this.#reader.read(topic, after, count);
  }

  /** True if a subscription has a history, so that it can read missed messages later. */
  follows(subscription: TrackedSubscription): boolean {
    return this.#trackOf(subscription) !== null;
  }

  /**
   * Reads the position at which a subscription begins. If messages come before the position is known, they wait.
   * @throws {Error} if the engine (Redis or NATS) refuses the command
   */
  async start(subscription: TrackedSubscription): Promise<void> {
    const { pattern } = subscription;
    if (pattern.startsWith(RESERVED)) return;
    let track = this.#trackOf(subscription);
    if (track === null) {
      track = new Track(subscription);
      this.#tracks.set(pattern, track);
    }
    track.started ??= this.#begin(track);
    await track.started;
  }

  /**
   * Is called when a subscription is confirmed, for the first time or on a new connection. Reads the messages that the subscription missed.
   * Does nothing if the position of the subscription is not known yet.
   */
  subscribed(subscription: TrackedSubscription): void {
    const track = this.#trackOf(subscription);
    if (track !== null && track.position !== null) void this.#catchUp(track);
  }

  forget(subscription: TrackedSubscription): void {
    const track = this.#trackOf(subscription);
    if (track === null) return;
    this.#release(track);
    this.#tracks.delete(subscription.pattern);
  }

  /**
   * Is called when the connection that receives messages is lost. From now on, the subscriptions miss messages. These messages are read
   * later.
   */
  disconnected(): void {
    for (const track of this.#tracks.values()) {
      track.run++;
      this.#release(track);
      track.held = [];
      track.isFresh = false;
    }
  }

  end(): void {
    for (const { subscription } of [...this.#tracks.values()]) this.forget(subscription);
  }

  /**
   * Is called when bytes have come for a subscription.
   * @param message the message in these bytes. Null if the message is not in the history, because a bus without the option `history`
   * published it
   */
  message(
    subscription: TrackedSubscription,
    topic: string,
    bytes: Uint8Array,
    message: KeptMessage | null,
  ): void {
    const track = this.#trackOf(subscription);
    if (track === null || message === null) {
      // Either the subscription has no history, or the history does not contain this message.
      subscription.tellGap();
      receive(subscription, topic, message === null ? bytes : message.bytes);
      return;
    }
    if (track.held !== null) {
      this.#hold(track, message);
    } else if (this.#isNext(message, track.position)) {
      this.#deliver(track, message);
    } else {
      track.held = [];
      this.#hold(track, message);
      void this.#catchUp(track);
    }
  }

  #trackOf(subscription: TrackedSubscription): Track | null {
    const track = this.#tracks.get(subscription.pattern);
    return track?.subscription === subscription ? track : null;
  }

  async #begin(track: Track): Promise<void> {
    track.position = await this.#reader.last(track.subscription.pattern);
    track.isFresh = true;
  }

  async #catchUp(track: Track): Promise<void> {
    const { subscription } = track;
    const run = ++track.run;
    let count = FIRST_COUNT;
    for (;;) {
      const page = await this.#page(track, count);
      if (run !== track.run || this.#trackOf(subscription) !== track) return;
      track.isFresh = false;
      if (page.isGap) subscription.receiver?.gap();
      for (const { position, bytes } of page.messages) {
        track.position = position;
        receive(subscription, subscription.pattern, bytes);
      }
      track.position = page.position;
      count = nextCount(page, count);
      if (page.isEnd && !track.hasDropped) break;
      if (page.isEnd) this.#release(track);
    }
    this.#deliverHeld(track);
  }

  /**
   * Reads a page of messages from the history. If the engine (Redis or NATS) refuses the request, the page reports a gap, because the
   * messages are lost.
   */
  async #page(track: Track, count: number): Promise<HistoryPage> {
    const position = track.position ?? START;
    try {
      return await this.#reader.read(track.subscription.pattern, position, count, track.isFresh);
    } catch {
      return { messages: [], isGap: true, position, isEnd: true };
    }
  }

  #deliverHeld(track: Track): void {
    const held = track.held ?? [];
    this.#release(track);
    track.held = null;
    for (const message of held) {
      // This message has already been read from the history.
      if (track.position !== null && !this.#order.isAfter(message.id, track.position)) continue;
      if (message.previous !== START && !this.#order.isSame(message.previous, track.position)) {
        track.subscription.receiver?.gap();
      }
      this.#deliver(track, message);
    }
  }

  /**
   * True if a new message is the first message after a position. False if messages are missing between the position and the message, or if
   * the message was already read from the history.
   */
  #isNext({ id, previous }: KeptMessage, position: string | null): boolean {
    if (this.#order.isSame(previous, position)) return true;
    // While the connection lasts, a history starts again only after it has expired. In this case no message is missing.
    return previous === START && position !== null && this.#order.isAfter(id, position);
  }

  #deliver(track: Track, { id, bytes }: KeptMessage): void {
    track.position = id;
    receive(track.subscription, track.subscription.pattern, bytes);
  }

  #hold(track: Track, message: KeptMessage): void {
    if (track.hasDropped) return;
    const size = sizeOf(message);
    if (this.#held + size > this.#maxHeld) {
      this.#release(track);
      track.hasDropped = true;
      return;
    }
    this.#held += size;
    track.held?.push(message);
  }

  /** Empties the list of held messages (messages that wait while earlier messages are read). Subtracts their size from `#held`. */
  #release(track: Track): void {
    for (const message of track.held ?? []) this.#held -= sizeOf(message);
    if (track.held !== null) track.held = [];
    track.hasDropped = false;
  }
}

/** Passes a message to the receiver. @param bytes null for a mark, which says that messages were lost here */
function receive({ receiver }: TrackedSubscription, topic: string, bytes: Uint8Array | null): void {
  if (bytes === null) receiver?.gap();
  else receiver?.message(topic, bytes);
}

function sizeOf({ bytes }: KeptMessage): number {
  return (bytes?.length ?? 0) + HELD_OVERHEAD;
}
