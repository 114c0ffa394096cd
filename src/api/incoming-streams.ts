/**
 * The messages that a `stream` handler receives, of one connection: what waits to be read of them is bounded over all of them, and
 * counts in the memory budget (RFC 6455 §10.4); beyond that the connection is not read.
 */

import type { Charge } from '../frame/charge.ts';
import type { ConnectionCore } from './connection-core.ts';
import type { InboxOwner } from './inbox.ts';
import { type FillableStream, type MessageStreamOwner, makeMessageStream } from './message-stream.ts';

// What may wait unread, over all messages, before the connection stops reading.
const MAX_WAITING_BYTES = 65_536;

// What an object costs beside its bytes.
const ITEM_COST = 128;

/** Whose messages they are. */
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
  /** Parts of the message at hand were dropped, since the connection closes and has no room for more. */
  #isCut = false;

  /** @param charge counts nothing yet @param decodes whether texts are read as strings */
  constructor(owner: IncomingStreamsOwner, charge: Charge, decodes: boolean) {
    this.#owner = owner;
    this.#charge = charge;
    this.#decodes = decodes;
  }

  /** Whether the connection is not read because of what waits. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** A message begins. @returns what its handler receives, and what to call once that has returned, or failed */
  begin(isBinary: boolean): FillableStream {
    this.#isCut = false;
    this.#current = makeMessageStream(this, isBinary, this.#decodes);
    return this.#current;
  }

  /** A message that did not come in parts. @param start calls the handler */
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

  /** The closing handshake needs the connection to be read: what there is no room for is dropped. */
  stopPausing(): void {
    this.#mayPause = false;
    if (!this.#isHolding) return;
    // What stands still is given up: the endpoint drops what comes before the peer's Close frame.
    this.#isCut = true;
    this.#isHolding = false;
    this.#owner.resumeForInbox();
  }

  /** The connection is closed. What waits may still be read; it is the application's from now on. */
  close(cause: Error | null): void {
    this.#mayPause = false;
    this.#isHolding = false;
    this.#current?.fail(this.#owner.lost('WS_STREAM_LOST', cause));
    this.#current = null;
    this.#charge.release();
  }
}
