/**
 * Follows the position of each subscription in the history of its topic. Reads the messages that the subscription missed, in three cases.
 * First: the connection was lost. Second: a live message shows that an earlier message is missing. Third: the subscription has just been
 * confirmed. Messages may have come after the first position was read and before the confirmation. Live messages that come during the
 * reading are held, and delivered at their place.
 */

import type { BusHistory, BusReceiver, HistoryPage } from './bus.ts';
import { type HistoryOrder, type HistoryReader, type KeptMessage, START } from './history-engine.ts';
import { FIRST_COUNT, nextCount } from './history-pages.ts';
import { RESERVED } from './topic-name.ts';

/** The approximate number of bytes that a held message needs in addition to its own bytes. */
const HELD_OVERHEAD = 200;

/** The members of a subscription of a bus that this file uses. */
export interface TrackedSubscription {
  readonly pattern: string;
  /** Null after the pattern was unsubscribed. */
  readonly receiver: BusReceiver | null;
  /** Notifies the receiver of a gap if messages may have been missed. */
  tellGap(): void;
}

/** The position of one subscription in the history of its topic. */
class Track {
  readonly subscription: TrackedSubscription;
  /** Settles when the first position was read. */
  started: Promise<void> | null = null;
  /**
   * The id of the last message that the receiver got. Before the first message, the position where the subscription begins. Null until this
   * position is known.
   */
  position: string | null = null;
  /** Whether `position` is the end of the history that was read when the subscription began. */
  isFresh = true;
  /** Live messages that wait while earlier messages are read. Null if live messages are delivered immediately. */
  held: KeptMessage[] | null = [];
  /** Whether held messages were dropped because there were too many. The dropped messages have to be read from the history. */
  hasDropped = false;
  /** Increases whenever `#catchUp` begins or the connection is lost. Then an older run of `#catchUp` ends. */
  run = 0;

  constructor(subscription: TrackedSubscription) {
    this.subscription = subscription;
  }
}

/** The positions of all subscriptions of one bus in the histories of their topics. */
export class HistoryTracks implements BusHistory {
  readonly #reader: HistoryReader;
  readonly #order: HistoryOrder;
  readonly #maxHeld: number;
  readonly #tracks = new Map<string, Track>();
  /** The number of bytes of all held messages. */
  #held = 0;

  /** @param maxHeld the number of bytes that may be held while earlier messages are read */
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

  /** Whether a subscription has a history. */
  follows(subscription: TrackedSubscription): boolean {
    return this.#trackOf(subscription) !== null;
  }

  /**
   * Reads the position where a subscription begins. Messages of the subscription are held until then.
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
   * Does nothing before the position of the subscription is known.
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

  /** Is called when the connection that receives messages is lost. Missed messages have to be read later. */
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
   * @param message the message in these bytes. Null if it is not in the history, because a bus without the option `history` published it
   */
  message(
    subscription: TrackedSubscription,
    topic: string,
    bytes: Uint8Array,
    message: KeptMessage | null,
  ): void {
    const track = this.#trackOf(subscription);
    if (track === null || message === null) {
      // Either the subscription has no history, or this message is not in the history.
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

  /** Reads a page. If the engine refuses the request, the missed messages are lost, so the page reports a gap. */
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

  /** Whether a live message is the next message after a position. Also false if the message was already read from the history. */
  #isNext({ id, previous }: KeptMessage, position: string | null): boolean {
    if (this.#order.isSame(previous, position)) return true;
    // While the connection lasts, a history begins again only because the old history has expired. Then no message is missing.
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

  /** Empties the list of held messages, and subtracts their bytes from `#held`. */
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
