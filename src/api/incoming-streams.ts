/**
 * Passes messages to the `stream` handler of one connection. The unread bytes of these messages have one common limit, and count in the
 * memory budget (RFC 6455 §10.4). Above the limit the connection stops reading.
 */

import type { Charge } from '../frame/charge.ts';
import type { ConnectionCore } from './connection-core.ts';
import type { InboxOwner } from './inbox.ts';
import { type FillableStream, type MessageStreamOwner, makeMessageStream } from './message-stream.ts';

// The number of bytes of all messages that may wait unread before the connection stops reading.
const MAX_WAITING_BYTES = 65_536;

// The memory that a waiting part takes in addition to its bytes.
const ITEM_COST = 128;

/** The connection that receives the messages. */
export type IncomingStreamsOwner = InboxOwner & Pick<ConnectionCore, 'lost'>;

/** One connection's messages in parts. */
export class IncomingStreams implements MessageStreamOwner {
  readonly #owner: IncomingStreamsOwner;
  readonly #charge: Charge;
  readonly #decodes: boolean;
  /** The message that is arriving. */
  #current: FillableStream | null = null;
  #held = 0;
  #isHolding = false;
  #mayPause = true;
  /** Whether parts of the current message were dropped, because the connection is closing and has no room for them. */
  #isCut = false;

  /**
   * @param charge counts nothing yet
   * @param decodes whether texts are read as strings
   */
  constructor(owner: IncomingStreamsOwner, charge: Charge, decodes: boolean) {
    this.#owner = owner;
    this.#charge = charge;
    this.#decodes = decodes;
  }

  /** Whether the connection stopped reading because of unread bytes. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** Begins a message. @returns the message for the handler, with the methods to call once the handler has returned, or has failed */
  begin(isBinary: boolean): FillableStream {
    this.#isCut = false;
    this.#current = makeMessageStream(this, isBinary, this.#decodes);
    return this.#current;
  }

  /** Reports a message that did not come in parts. @param start calls the handler */
  whole(message: string | Buffer, wireSize: number, start: () => void): void {
    start();
    this.push(message);
    this.end(wireSize);
  }

  push(part: string | Buffer): void {
    if (!this.#mayPause && this.#held >= MAX_WAITING_BYTES) this.#isCut = true;
    if (!this.#isCut) this.#current?.push(part);
  }

  end(wireSize: number): void {
    const current = this.#current;
    this.#current = null;
    if (this.#isCut) current?.fail(this.#owner.lost('WS_STREAM_LOST', null));
    else current?.end(wireSize);
  }

  count(parts: number, bytes: number): void {
    this.#held += bytes + parts * ITEM_COST;
    this.#charge.resize(this.#held);
    if (parts > 0) this.#owner.askForRoom();
    const isFull = this.#held >= MAX_WAITING_BYTES;
    if (isFull === this.#isHolding || (isFull && !this.#mayPause)) return;
    this.#isHolding = isFull;
    if (isFull) this.#owner.pauseForInbox();
    else this.#owner.resumeForInbox();
  }

  /** Lets the connection read on even without room, so that it reads the peer's Close frame. Parts without room are dropped. */
  stopPausing(): void {
    this.#mayPause = false;
    if (!this.#isHolding) return;
    // The unfinished message is cut off: the endpoint drops its parts that arrive before the peer's Close frame.
    this.#isCut = true;
    this.#isHolding = false;
    this.#owner.resumeForInbox();
  }

  /**
   * Is called when the connection is closed. The application may still read the waiting parts, whose memory no longer counts for the
   * connection.
   */
  close(cause: Error | null): void {
    this.#mayPause = false;
    this.#isHolding = false;
    this.#current?.fail(this.#owner.lost('WS_STREAM_LOST', cause));
    this.#current = null;
    this.#charge.release();
  }
}
