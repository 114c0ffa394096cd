/**
 * The body of a response that refuses a handshake: for the error's reader, capped. RFC 9112 §6.3 (length), §7.1 (chunks).
 */

import { maxErrorBody } from '../handshake/error.ts';
import { HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';

/** Collects a body until it is complete, or more than is kept. */
export class ResponseBody {
  readonly #chunked: boolean;
  readonly #parts: Buffer[] = [];
  #size = 0;
  /** Bytes of the body, or of the chunk at hand, that have not come. */
  #remaining: number;
  /** The line before a chunk, as far as it came. */
  #line = '';
  #complete: boolean;

  constructor(head: HttpResponseHead) {
    const fields = new HeaderFields(head.headers);
    this.#chunked = /\bchunked$/i.test(fields.joined('Transfer-Encoding') ?? '');
    const length = fields.single('Content-Length') ?? '';
    const hasNone = head.status < 200 || head.status === 204 || head.status === 304;
    // Neither length nor chunks: it ends with the connection.
    const announced = /^\d{1,15}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
    this.#remaining = hasNone || this.#chunked ? 0 : announced;
    this.#complete = hasNone || (!this.#chunked && announced === 0);
  }

  /** True when no more is needed. */
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

  /** What there is of it, at most 64 KiB. */
  get bytes(): Buffer {
    return Buffer.concat(this.#parts).subarray(0, maxErrorBody);
  }

  #take(bytes: Buffer, position: number): number {
    const end = Math.min(bytes.length, position + this.#remaining);
    // A copy: the pieces of a body that drips must not keep a whole read each.
    this.#parts.push(Buffer.from(bytes.subarray(position, end)));
    this.#size += end - position;
    this.#remaining -= end - position;
    if (this.#remaining === 0 && !this.#chunked) this.#complete = true;
    return end;
  }

  /** 9112 §7.1: the size of a chunk in hexadecimal, perhaps an extension; before it, the end of the chunk before. */
  #readLine(bytes: Buffer, position: number): number {
    const end = bytes.indexOf(0x0a, position);
    this.#line += bytes.toString('latin1', position, end === -1 ? bytes.length : end);
    // Whatever this is, it is no size.
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
