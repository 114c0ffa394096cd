/**
 * The interface of one end of a connection between two implementations. Each implementation has an adapter with this interface. The
 * adapters are our-end.ts, ws-end.ts, whatwg-end.ts and those of test/interop. Thus the same exchanges test all implementations.
 */

import type { CompressionOptions } from '../../src/index.ts';

export type Message = string | Buffer;

/** The end of the connection, as one of the two ends reports it. `wasClean` is absent if the implementation does not report it. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly wasClean?: boolean;
}

export interface End {
  readonly subprotocol: string;
  send(message: Message): void;
  /** Sends one message in frames of `size` payload bytes. The method is absent if the implementation cannot do this. */
  sendFragments?(message: Message, size: number): void;
  /** Sends a ping and resolves with the payload of the pong. The method is absent if the implementation cannot do this. */
  ping?(payload: string): Promise<string>;
  /** Sends a Close frame. Without `code`, the frame is empty if the implementation can send an empty Close frame. */
  close(code?: number, reason?: string): void;
  /** Drops TCP without a Close frame. The method is absent if the implementation cannot do this. */
  abort?(): void;
  /** Resolves with the next message. Rejects if the connection ends before a message arrives. */
  next(): Promise<Message>;
  readonly closed: Promise<Ending>;
}

/** Options for the connection of one exchange. */
export interface OpenOptions {
  /** The subprotocols that the client offers, and the subprotocols that the server supports. */
  readonly subprotocols?: { readonly offered: readonly string[]; readonly supported: readonly string[] };
  /** Header fields of the client's request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The maximum size of a message for both ends, in bytes. By default, each end uses its own default limit. */
  readonly maxMessageSize?: number;
  /** The maximum size of a message for our end only. */
  readonly ourMaxMessageSize?: number;
  /** The options of permessage-deflate for our end and for the peer. By default, each end uses its own default options. */
  readonly ourCompression?: boolean | CompressionOptions;
  readonly peerCompression?: boolean | PeerCompression;
}

/** Options of permessage-deflate for a peer, with the names that `ws` uses. */
export interface PeerCompression {
  readonly serverNoContextTakeover?: boolean;
  readonly clientNoContextTakeover?: boolean;
  readonly serverMaxWindowBits?: number;
  readonly clientMaxWindowBits?: number;
  readonly threshold?: number;
}

/** A connection between our end and a peer, and the server that was started for this connection. */
export interface Pair<Ours extends End = End> {
  readonly ours: Ours;
  readonly peer: End;
  /** Makes the server close the connection with 1001 and this reason, as if its process had to stop. */
  shutdown(reason: string): void;
  /** Drops the connection and closes the server, if they still exist. */
  release(): Promise<void>;
}

/** Stores messages and the end of the connection until a test reads them, in order. */
export class Inbox {
  #messages: Message[] = [];
  #read = 0;
  #waiting: { resolve(message: Message): void; reject(error: Error): void }[] = [];
  #ending: Ending | null = null;
  #resolveClosed: (ending: Ending) => void = () => {};
  readonly closed: Promise<Ending>;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  push(message: Message): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#messages.push(message);
    else first.resolve(message);
  }

  end(ending: Ending): void {
    if (this.#ending !== null) throw new Error(`a second end: ${ending.code} after ${this.#ending.code}`);
    this.#ending = ending;
    this.#resolveClosed(ending);
    for (const { reject } of this.#waiting) reject(ended(ending));
  }

  next(): Promise<Message> {
    if (this.#read < this.#messages.length) return Promise.resolve(this.#messages[this.#read++]!);
    const ending = this.#ending;
    if (ending !== null) return Promise.reject(ended(ending));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}

/** Resolves each ping with the pong that has the same payload. */
export class Pongs {
  #waiting = new Map<string, (payload: string) => void>();

  /** @param send sends the ping */
  expect(payload: string, send: () => void): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.set(payload, resolve);
      send();
    });
  }

  push(payload: string): void {
    this.#waiting.get(payload)?.(payload);
    this.#waiting.delete(payload);
  }
}

/** Returns the bytes of a message in parts of at most `size` bytes. An empty message has one empty part. */
export function partsOf(message: Message, size: number): Buffer[] {
  const bytes = Buffer.from(message);
  const parts: Buffer[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += size) {
    parts.push(bytes.subarray(start, start + size));
  }
  return parts;
}

function ended({ code, reason }: Ending): Error {
  return new Error(`the connection ended before the message: ${code} ${JSON.stringify(reason)}`);
}
