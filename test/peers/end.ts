/**
 * One end of a connection, as an exchange between two implementations sees it. Each peer has an adapter to this shape
 * (our-end.ts, ws-end.ts, whatwg-end.ts, and those of test/interop), so that all of them go through the same exchanges.
 */

import type { CompressionOptions } from '../../src/index.ts';

export type Message = string | Buffer;

/** The end of the connection as one end reports it. `wasClean` is absent if the implementation does not report it. */
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
  /** Without a code the Close frame is empty if the implementation can send an empty one. */
  close(code?: number, reason?: string): void;
  /** Drops TCP without a Close frame. Absent if the implementation cannot do this. */
  abort?(): void;
  /** Resolves with the next message. Rejects if the connection ends before it. */
  next(): Promise<Message>;
  readonly closed: Promise<Ending>;
}

/** How to open a connection for one exchange. */
export interface OpenOptions {
  /** What the client offers and the server supports, in this order. */
  readonly subprotocols?: { readonly offered: readonly string[]; readonly supported: readonly string[] };
  /** Header fields of the client's request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The limit of both ends, in bytes. Without it each has its own default. */
  readonly maxMessageSize?: number;
  /** The limit of our end only. */
  readonly ourMaxMessageSize?: number;
  /** permessage-deflate at our end, and, in its own terms, at the peer's. Without it each has its own default. */
  readonly ourCompression?: boolean | CompressionOptions;
  readonly peerCompression?: boolean | PeerCompression;
}

/** Options of permessage-deflate that an implementation may have, with the names of `ws`. */
export interface PeerCompression {
  readonly serverNoContextTakeover?: boolean;
  readonly clientNoContextTakeover?: boolean;
  readonly serverMaxWindowBits?: number;
  readonly clientMaxWindowBits?: number;
  readonly threshold?: number;
}

/** A connection between us and a peer, and the server that was started for it. */
export interface Pair<Ours extends End = End> {
  readonly ours: Ours;
  readonly peer: End;
  /** Closes the connection with 1001 and this reason, as the server does when its process stops. */
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

/** Returns the bytes of a message in parts of at most `size`, and at least one part. */
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
