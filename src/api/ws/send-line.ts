/**
 * Keeps messages in order when a program sends a Blob. Reading a Blob is asynchronous. So all messages and control frames after the Blob
 * wait until the Blob has been read. A program can also send a message in parts (`fin: false`). This file joins the parts and sends one
 * message. RFC 6455 §5.4 lets the sender choose the fragments.
 */

import type { SocketConnection } from '../../transport/socket.ts';
import { rethrow } from './errors.ts';
import type { Link } from './link.ts';

/** Is called without an argument after the data has left the process. Is called with an Error if the data was not sent. */
export type Done = (error?: Error) => void;

/** The options of `send`. */
export interface SendOptions {
  /** If true, the data is sent as a binary message; if false, as a text message. @default false for strings and numbers, otherwise true */
  readonly binary?: boolean | undefined;
  /** If false, the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
  /** If true, the message ends after this data. If false, the next call of `send` continues the message. @default true */
  readonly fin?: boolean | undefined;
  /** If true, the frame is masked. RFC 6455 §5.1: a client accepts only true, and a server accepts only false. */
  readonly mask?: boolean | undefined;
}

/** The options of a message, after the defaults were filled in. */
export interface MessageForm {
  readonly isBinary: boolean;
  readonly compress: boolean;
  readonly isLast: boolean;
}

interface Job {
  readonly size: number;
  readonly run: () => void;
  readonly done: Done | null;
}

/** A message that is sent in parts, and that is not complete yet. */
interface Parts {
  readonly form: MessageForm;
  readonly payloads: Uint8Array[];
}

/** Sends all messages and control frames of one WebSocket in order. */
export class SendLine {
  readonly #link: Link;
  readonly #binding: SocketConnection;
  /** The steps (for example messages) that wait until a Blob has been read. Null if no Blob is being read. */
  #jobs: Job[] | null = null;
  #waiting = 0;
  #parts: Parts | null = null;

  constructor(link: Link) {
    this.#link = link;
    this.#binding = link.binding;
  }

  /**
   * The number of bytes that have not left the process. This getter first writes the waiting bytes to the socket. It does not count the
   * bytes that the operating system accepts.
   */
  get bufferedAmount(): number {
    this.#binding.flush();
    return this.#waiting + this.#binding.endpoint.bufferedAmount;
  }

  /**
   * Runs a step, such as sending a message. If a Blob is being read, the step runs later, after the steps that already wait.
   * @param size the number of bytes that `bufferedAmount` counts while the step waits
   */
  run(run: () => void, size = 0, done: Done | null = null): void {
    if (this.#jobs === null) {
      run();
      return;
    }
    this.#waiting += size;
    this.#jobs.push({ size, run, done });
  }

  /** Sends a whole message, or a part of a message. */
  message(data: string | Uint8Array, form: MessageForm, done: Done | null): void {
    // This is the common case. Nothing waits, no message is incomplete, and this message is whole.
    if (this.#jobs === null && this.#parts === null && form.isLast) this.#write(data, form, done);
    else this.run(() => this.#send(data, form, done), sizeInBytes(data), done);
  }

  /** Sends a ping or a pong of at most 125 bytes. */
  control(kind: 'ping' | 'pong', bytes: Uint8Array, done: Done | null): void {
    const run = (): void => {
      const { endpoint } = this.#binding;
      const isSent = kind === 'ping' ? endpoint.ping(bytes) : endpoint.pong(bytes);
      if (done === null) return;
      if (isSent) endpoint.whenSent(completion(done));
      // The frame could not be sent, because the peer's Close frame arrived while a Blob was being read.
      else completion(done)(new Error('The connection was closed before this could be sent'));
    };
    this.run(run, bytes.length, done);
  }

  /** Reads a Blob, then calls `use` with its bytes. */
  blob(blob: Blob, use: (bytes: Uint8Array) => void, done: Done | null): void {
    this.run(
      () => {
        this.#jobs = [];
        this.#waiting += blob.size;
        blob.arrayBuffer().then(
          (buffer) => this.#read(blob, () => use(new Uint8Array(buffer)), done),
          (error: Error) => this.#unreadable(blob, error, done),
        );
      },
      blob.size,
      done,
    );
  }

  #read(blob: Blob, use: () => void, done: Done | null): void {
    this.#waiting -= blob.size;
    if (this.#binding.isDestroyed || this.#binding.isClosed) {
      this.#giveUp(new Error('The socket was closed while the blob was being read'), done);
      return;
    }
    const jobs = this.#jobs ?? [];
    this.#jobs = null;
    use();
    for (const { size, run, done } of jobs) {
      this.#waiting -= size;
      // A step can send another Blob. If it does, `run` adds the remaining steps to the new list in `#jobs`.
      this.run(run, size, done);
    }
  }

  #unreadable(blob: Blob, error: Error, done: Done | null): void {
    this.#waiting -= blob.size;
    const isClosed = this.#binding.isClosed;
    this.#giveUp(error, done);
    if (!isClosed) this.#link.fail(error);
  }

  #giveUp(error: Error, done: Done | null): void {
    const jobs = this.#jobs ?? [];
    this.#jobs = null;
    for (const job of jobs) this.#waiting -= job.size;
    for (const waiting of [done, ...jobs.map((job) => job.done)]) {
      if (waiting !== null) completion(waiting)(error);
    }
  }

  #send(data: string | Uint8Array, form: MessageForm, done: Done | null): void {
    const parts = this.#parts;
    if (parts === null && form.isLast) {
      this.#write(data, form, done);
      return;
    }
    // The bytes are copied, because the message is not sent until it is complete. `done` is called earlier, and after that the caller may
    // change its memory.
    const own = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data);
    if (parts !== null) parts.payloads.push(own);
    else this.#parts = { form, payloads: [own] };
    if (!form.isLast) {
      if (done !== null) process.nextTick(done);
      return;
    }
    const { payloads, form: first } = this.#parts!;
    this.#parts = null;
    this.#write(Buffer.concat(payloads), first, done);
  }

  #write(data: string | Uint8Array, { isBinary, compress }: MessageForm, done: Done | null): void {
    const { endpoint } = this.#binding;
    const options = compress ? null : { compress };
    const sent = done === null ? null : completion(done);
    if (isBinary) endpoint.sendBinary(typeof data === 'string' ? Buffer.from(data) : data, options, sent);
    else if (typeof data === 'string') endpoint.sendText(data, options, sent);
    else endpoint.sendTextBytes(data, options, sent);
  }
}

function sizeInBytes(data: string | Uint8Array): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.length;
}

/**
 * Wraps `done`, so that it is called without an argument if there is no error. If `done` throws, the error becomes an uncaught exception.
 */
function completion(done: Done): (error: Error | null) => void {
  return (error) => {
    try {
      if (error === null) done();
      else done(error);
    } catch (thrown) {
      rethrow(thrown);
    }
  };
}

/** Checks the option `mask`. @throws {TypeError} for a value that RFC 6455 §5.1 forbids for this role */
export function checkMask(mask: unknown, isServer: boolean): void {
  if (typeof mask !== 'boolean' || mask !== isServer) return;
  const rule = isServer ? 'a server MUST NOT mask its frames' : 'a client MUST mask its frames';
  throw new TypeError(`mask: ${mask} is refused: ${rule} (RFC 6455 §5.1)`);
}

/** Reads the arguments of `ping` or `pong`. The callback can be any of the three arguments. */
export function readControl(values: readonly unknown[]): {
  readonly data: unknown;
  readonly mask: unknown;
  readonly done: Done | null;
} {
  const at = values.findIndex((value) => typeof value === 'function');
  const [data, mask] = at === -1 ? values : values.slice(0, at);
  return { data, mask, done: at === -1 ? null : (values[at] as Done) };
}

/** Checks the size of a control frame. @throws {RangeError} if the size is more than 125 bytes (§5.5) */
export function checkControl(size: number): void {
  if (size > 125) throw new RangeError('The data size must not be greater than 125 bytes');
}
