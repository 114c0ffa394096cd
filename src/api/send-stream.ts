/**
 * Implements `Connection.sendStream`. Sends a message in parts. The parts come from an iterable, and each part becomes one frame (RFC 6455
 * §5.4). The next part is read after the socket has accepted the previous parts. frame/outgoing-stream.ts makes the frames.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import { Opcode } from '../frame/opcode.ts';
import type { StreamedMessage } from '../frame/outgoing.ts';
import type { OutgoingStream } from '../frame/outgoing-stream.ts';
import { ChunkEncoder } from './chunk-encoder.ts';
import type { ConnectionCore } from './connection-core.ts';
import {
  type Message,
  type SendCallback,
  type SendStreamOptions,
  type StreamSource,
  sendStreamSpecs,
} from './message.ts';
import { describe } from './option-names.ts';
import { readOptions } from './option-spec.ts';

/**
 * Sends a message in parts.
 * @returns the Promise of `Connection.sendStream`
 * @throws {TypeError} for invalid options, and for a source that is not an iterable of parts
 */
export function sendStream(
  core: ConnectionCore,
  source: StreamSource,
  options: SendStreamOptions = {},
): Promise<void> {
  const checked = readOptions('sendStream', options, sendStreamSpecs);
  const sending = new SendingStream(core, iteratorOf(source), checked);
  const sent = sending.run();
  // The application does not have to use the Promise. A peer can cause a rejection. This rejection must not end the process.
  sent.catch(() => {});
  return sent;
}

type PartIterator = AsyncIterator<Message> | Iterator<Message>;

function iteratorOf(source: StreamSource): PartIterator {
  const iterable = source as Partial<AsyncIterable<Message> & Iterable<Message>> | null;
  // Strings and bytes are iterables too: of characters, and of numbers. But they are whole messages, so they are refused.
  if (typeof source === 'object' && iterable !== null && !ArrayBuffer.isView(source)) {
    if (typeof iterable[Symbol.asyncIterator] === 'function') return iterable[Symbol.asyncIterator]!();
    if (typeof iterable[Symbol.iterator] === 'function') return iterable[Symbol.iterator]!();
  }
  throw new TypeError(
    `the source is ${describe(source)}, not an iterable of strings or bytes; send() sends a whole message`,
  );
}

/** A message that is being sent in parts. */
class SendingStream implements StreamedMessage {
  readonly #core: ConnectionCore;
  readonly #iterator: PartIterator;
  readonly #signal: AbortSignal | undefined;
  readonly #compress: boolean;
  readonly #encoder = new ChunkEncoder();
  #binary: boolean | undefined;
  #stream: OutgoingStream | null = null;
  /** True if all earlier messages were written. Before that, no part of this message is sent. */
  #hasTurn = false;
  #isSourceDone = false;
  /** Why sending has stopped. Null while the message can be sent. */
  #stopped: { readonly reason: unknown } | null = null;
  /** These two functions settle the Promise of the last call of `#wait`. */
  #resolve: (() => void) | null = null;
  #reject: ((reason: unknown) => void) | null = null;

  constructor(
    core: ConnectionCore,
    iterator: PartIterator,
    options: Pick<SendStreamOptions, 'binary' | 'signal'> & { readonly compress: boolean },
  ) {
    this.#core = core;
    this.#iterator = iterator;
    this.#binary = options.binary;
    this.#compress = options.compress;
    this.#signal = options.signal;
  }

  // ---- what the connection reports ----

  onTurn(): void {
    this.#hasTurn = true;
    this.#resolve?.();
  }

  onStopped(reason: Error | null): void {
    this.#stop(this.#core.lost('WS_NOT_SENT', reason));
  }

  #stop(reason: unknown): void {
    if (this.#stopped !== null) return;
    this.#stopped = { reason };
    this.#reject?.(reason);
  }

  // ---- the message ----

  async run(): Promise<void> {
    const signal = this.#signal;
    const abort = (): void => this.#stop(signal!.reason);
    signal?.addEventListener('abort', abort);
    try {
      if (signal?.aborted) abort();
      await this.#send();
    } catch (error) {
      this.#giveUp(error);
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #send(): Promise<void> {
    if (this.#stopped === null) this.#stream = this.#core.binding.endpoint.openStream(this.#compress, this);
    if (this.#stream === null) this.#stop(this.#core.lost('WS_NOT_SENT', null));
    await this.#wait((resolve) => (this.#hasTurn ? resolve() : undefined));
    for (let part = await this.#next(); part !== null; part = await this.#next()) await this.#write(part);
    const rest = this.#encoder.finish();
    if (rest.length > 0) await this.#write(rest);
    await this.#sent((done) => this.#stream!.end(this.#opcode, done));
  }

  /** Returns the next part that is not empty. Returns null after the last part. */
  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      let result: IteratorResult<Message> | undefined;
      await this.#wait((resolve, reject) => {
        Promise.resolve(this.#iterator.next()).then((next) => {
          result = next;
          resolve();
        }, reject);
      }, true);
      if (result!.done === true) {
        this.#isSourceDone = true;
        return null;
      }
      this.#binary ??= typeof result!.value !== 'string';
      const bytes = this.#encoder.encode(result!.value);
      if (bytes.length > 0) return bytes;
    }
  }

  async #write(part: Uint8Array): Promise<void> {
    const stream = this.#stream!;
    const written = stream.write(this.#opcode, part);
    if (written !== undefined) await this.#wait((resolve, reject) => void written.then(resolve, reject));
    if (stream.bufferedAmount > this.#core.binding.highWaterMark)
      await this.#sent((done) => stream.whenSent(done));
  }

  get #opcode(): number {
    return this.#binary === false ? Opcode.Text : Opcode.Binary;
  }

  #sent(start: (done: SendCallback) => void): Promise<void> {
    return this.#wait((resolve, reject) =>
      start(this.#core.completion((error) => (error === null ? resolve() : reject(error)))),
    );
  }

  /**
   * Waits until `start` calls `resolve` or `reject`. If `#stop` is called before that, the Promise rejects with the reason of `#stop`.
   * @param isSource true if `start` reads the source. If the source rejects, it has ended, so its method `return` is not called
   */
  #wait(
    start: (resolve: () => void, reject: (reason: unknown) => void) => void,
    isSource = false,
  ): Promise<void> {
    // This is not a `Promise.race`. A Promise that stays pending would keep the results of all its races in memory.
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#stopped !== null) {
        reject(this.#stopped.reason);
        return;
      }
      start(resolve, (reason) => {
        if (isSource) this.#isSourceDone = true;
        reject(reason);
      });
    });
  }

  /** Ends an incomplete message, because its source has failed, `signal` has aborted it, or the connection has ended. */
  #giveUp(reason: unknown): void {
    this.#stop(reason);
    this.#returnSource();
    if (this.#stream === null) return;
    if (!this.#stream.isBegun) this.#stream.cancel();
    else if (!this.#stream.isOver) {
      // §5.4: another message must not begin before the final frame of this message. But a final frame would make the incomplete message
      // look complete. So the connection fails.
      this.#core.binding.endpoint.fail(new ConnectionError('WS_STREAM_CUT', { cause: reason }));
    }
  }

  /** Calls the method `return` of the source, because no more parts are read. Ignores the result of `return`. */
  #returnSource(): void {
    if (this.#isSourceDone) return;
    this.#isSourceDone = true;
    try {
      Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {
      // The error of `return` is ignored. The application already receives the error that ended the message.
    }
  }
}
