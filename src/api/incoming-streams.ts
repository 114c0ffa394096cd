/**
 * Passes messages in parts to the `stream` handler of one connection. The unread bytes of all these messages have one common limit. They
 * count in the memory budget (RFC 6455 §10.4). When they reach the limit, the connection stops reading.
 */

import type { Charge } from '../frame/charge.ts';
import type { ConnectionCore } from './connection-core.ts';
import type { InboxOwner } from './inbox.ts';
import { type FillableStream, type MessageStreamOwner, makeMessageStream } from './message-stream.ts';

// The limit for the unread bytes of all messages of a connection.
const MAX_WAITING_BYTES = 65_536;

// A waiting part needs about this number of bytes in addition to its own bytes.
const ITEM_COST = 128;

/** The connection that receives the messages. */
export type IncomingStreamsOwner = InboxOwner & Pick<ConnectionCore, 'lost'>;

/** The messages that one connection receives in parts. */
export class IncomingStreams implements MessageStreamOwner {
  readonly #owner: IncomingStreamsOwner;
  readonly #charge: Charge;
  readonly #decodes: boolean;
  /** The message that is arriving now. */
  #current: FillableStream | null = null;
  #held = 0;
  #isHolding = false;
  #mayPause = true;
  /** True if parts of the current message were dropped. A closing connection drops parts that exceed the limit. */
  #isCut = false;

  /**
   * @param charge counts only the memory of the unread parts, and is 0 at first
   * @param decodes if true, the application gets the parts of a text message as strings; if false, as Buffers
   */
  constructor(owner: IncomingStreamsOwner, charge: Charge, decodes: boolean) {
    this.#owner = owner;
    this.#charge = charge;
    this.#decodes = decodes;
  }

  /** True if the connection has stopped reading because there are too many unread bytes. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /**
   * Begins a message.
   * @returns the stream for the handler, together with the functions through which the library controls the stream
   */
  begin(isBinary: boolean): FillableStream {
    this.#isCut = false;
    this.#current = makeMessageStream(this, isBinary, this.#decodes);
    return this.#current;
  }

  /** Passes a whole message to the handler, as a stream with one part. @param start calls the handler */
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

  /**
   * Is called when the connection is closing. After this call, the connection does not stop reading, because it has to read the peer's
   * Close frame. Parts that exceed the limit are dropped.
   */
  stopPausing(): void {
    this.#mayPause = false;
    if (!this.#isHolding) return;
    // The current message is incomplete. Its parts that arrive from now on are dropped.
    this.#isCut = true;
    this.#isHolding = false;
    this.#owner.resumeForInbox();
  }

  /**
   * Is called when the connection is closed. The application can still read the waiting parts, but they no longer count in the memory
   * budget.
   */
  close(cause: Error | null): void {
    this.#mayPause = false;
    this.#isHolding = false;
    this.#current?.fail(this.#owner.lost('WS_STREAM_LOST', cause));
    this.#current = null;
    this.#charge.release();
  }
}
