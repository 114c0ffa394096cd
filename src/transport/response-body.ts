/**
 * Reads the body of a response that refuses a handshake: RFC 9112 §6.3 (length), §7.1 (chunks). The `HandshakeError` contains the first 64
 * KiB of the body.
 */

import { maxErrorBody } from '../handshake/error.ts';
import { HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';

const nothing: Buffer = Buffer.alloc(0);

/** Collects the bytes of a body until the body is complete, or has `maxErrorBody` bytes. */
export class ResponseBody {
  readonly #chunked: boolean;
  /** The memory for the body. Its first `#size` bytes have arrived. */
  #body: Buffer = nothing;
  #size = 0;
  /** The number of bytes that have not arrived yet. If the body has chunks, this is the number for the current chunk. */
  #remaining: number;
  /** The received part of the line with the size of the next chunk. */
  #line = '';
  #complete: boolean;

  constructor(head: HttpResponseHead) {
    const fields = new HeaderFields(head.headers);
    this.#chunked = /\bchunked$/i.test(fields.joined('Transfer-Encoding') ?? '');
    const length = fields.single('Content-Length') ?? '';
    const hasNone = head.status < 200 || head.status === 204 || head.status === 304;
    // Without a length and without chunks, the body ends when the connection ends.
    const announced = /^\d{1,15}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
    this.#remaining = hasNone || this.#chunked ? 0 : announced;
    this.#complete = hasNone || (!this.#chunked && announced === 0);
  }

  /** Adds the next bytes. @returns true if no more bytes are needed */
  push(bytes: Buffer): boolean {
    let position = 0;
    while (position < bytes.length && !this.isComplete) {
      if (this.#remaining > 0) position = this.#take(bytes, position);
      else position = this.#readLine(bytes, position);
    }
    return this.isComplete;
  }

  get isComplete(): boolean {
    return this.#complete || this.#size >= maxErrorBody;
  }

  /** The part of the body that has arrived, at most 64 KiB. */
  get bytes(): Buffer {
    return Buffer.from(this.#body.subarray(0, this.#size));
  }

  #take(bytes: Buffer, position: number): number {
    const end = Math.min(bytes.length, position + this.#remaining);
    this.#keep(bytes.subarray(position, end));
    this.#remaining -= end - position;
    if (this.#remaining === 0 && !this.#chunked) this.#complete = true;
    return end;
  }

  // Copies the bytes into one buffer. When the buffer is full, its size is doubled. So a body that arrives byte by byte needs no more
  // memory than any other body.
  #keep(part: Buffer): void {
    const size = Math.min(this.#size + part.length, maxErrorBody);
    if (size > this.#body.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(Math.max(256, 2 * this.#body.length, size), maxErrorBody),
      );
      this.#body.copy(larger, 0, 0, this.#size);
      this.#body = larger;
    }
    part.copy(this.#body, this.#size);
    this.#size = size;
  }

  /**
   * 9112 §7.1: reads the line that comes before each chunk. This line has the size of the chunk in hexadecimal, and possibly an extension.
   * Each chunk ends with a line end, which this method reads as an empty line.
   */
  #readLine(bytes: Buffer, position: number): number {
    const end = bytes.indexOf(0x0a, position);
    this.#line += bytes.toString('latin1', position, end === -1 ? bytes.length : end);
    // No valid line is this long, so we stop reading the body.
    if (this.#line.length > MAX_LINE) this.#complete = true;
    if (end === -1) return bytes.length;
    const line = this.#line.trim();
    this.#line = '';
    if (line === '') return end + 1;
    const size = Number.parseInt(line, 16);
    if (size > 0) this.#remaining = size;
    else this.#complete = true;
    return end + 1;
  }
}

const MAX_LINE = 1024;
