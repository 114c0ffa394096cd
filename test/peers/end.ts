/**
 * The interface of one end of a connection between two implementations. Each implementation has an adapter with this interface (our-end.ts,
 * ws-end.ts, whatwg-end.ts and the adapters of test/interop), so the same exchanges test all of them.
 */

import type { CompressionOptions } from '../../src/index.ts';

export type Message = string | Buffer;

/** How the connection ended, as one of its two ends reports it. `wasClean` is absent if the implementation does not report it. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly wasClean?: boolean;
}

export interface End {
  readonly subprotocol: string;
  send(message: Message): void;
  /** Sends one message as frames of `size` payload bytes. Absent if the implementation cannot do this. */
  sendFragments?(message: Message, size: number): void;
  /** Sends a ping and resolves with the payload of the pong. Absent if the implementation cannot do this. */
  ping?(payload: string): Promise<string>;
  /** Sends a Close frame. Without `code` the frame is empty, if the implementation can send an empty Close frame. */
  close(code?: number, reason?: string): void;
  /** Drops TCP without a Close frame. Absent if the implementation cannot do this. */
  abort?(): void;
  /** Resolves with the next message. Rejects if the connection ends before a message arrives. */
  next(): Promise<Message>;
  readonly closed: Promise<Ending>;
}

/** How to open a connection for one exchange. */
export interface OpenOptions {
  /** The subprotocols that the client offers, and those that the server supports. */
  readonly subprotocols?: { readonly offered: readonly string[]; readonly supported: readonly string[] };
  /** Header fields of the client's request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The size limit for messages of both ends, in bytes. If absent, each end has its own default. */
  readonly maxMessageSize?: number;
  /** The size limit for messages of our end only. */
  readonly ourMaxMessageSize?: number;
  /** permessage-deflate on our end, and on the peer with the options of the peer. If absent, each end has its own default. */
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

/** A connection between our end and a peer, and the server that was started for the connection. */
export interface Pair<Ours extends End = End> {
  readonly ours: Ours;
  readonly peer: End;
  /** The server closes the connection with 1001 and this reason, as it would when its process stops. */
  shutdown(reason: string): void;
  /** Drops the connection and the server if they still exist. */
  release(): Promise<void>;
}

/** Keeps messages and the end in order, for each reader. */
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

/** Pongs by payload, for `ping`. */
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
