/**
 * Passes messages to the `stream` handler of one connection. All unread bytes of these messages together have one limit, and count in the
 * memory budget (RFC 6455 §10.4). When the unread bytes reach the limit, the connection stops reading.
 */

import type { Charge } from '../frame/charge.ts';
import type { ConnectionCore } from './connection-core.ts';
import type { InboxOwner } from './inbox.ts';
import { type FillableStream, type MessageStreamOwner, makeMessageStream } from './message-stream.ts';

// The limit for the unread bytes of all messages together.
const MAX_WAITING_BYTES = 65_536;

// The memory that a waiting part takes in addition to its bytes.
const ITEM_COST = 128;

/** The connection that receives the messages. */
export type IncomingStreamsOwner = InboxOwner & Pick<ConnectionCore, 'lost'>;

/** The messages that one connection receives in parts. */
export class IncomingStreams implements MessageStreamOwner {
  readonly #owner: IncomingStreamsOwner;
  readonly #charge: Charge;
  readonly #decodes: boolean;
  /** The message that is arriving. */
  #current: FillableStream | null = null;
  #held = 0;
  #isHolding = false;
  #mayPause = true;
  /** Whether parts of the current message were dropped: a closing connection drops parts beyond the limit. */
  #isCut = false;

  /**
   * @param charge counts the memory of the unread parts; at first it counts 0 bytes
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

  /**
   * Begins a message. @returns an object with the `stream` for the handler, and the functions that the library calls, such as `dropUnread`
   */
  begin(isBinary: boolean): FillableStream {
    this.#isCut = false;
    this.#current = makeMessageStream(this, isBinary, this.#decodes);
    return this.#current;
  }

  /** Passes a message that did not arrive in parts to the handler, as one part. @param start calls the handler */
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

  /** From this call on, the connection does not stop reading: it must read the peer's Close frame. Parts beyond the limit are dropped. */
  stopPausing(): void {
    this.#mayPause = false;
    if (!this.#isHolding) return;
    // The unfinished message is cut off: its parts that arrive before the peer's Close frame are dropped.
    this.#isCut = true;
    this.#isHolding = false;
    this.#owner.resumeForInbox();
  }

  /**
   * Is called when the connection is closed. The application may still read the waiting parts, but they no longer count in the memory
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
