/**
 * The body of a response that refuses a handshake: for the error's reader, capped. RFC 9112 §6.3 (length), §7.1 (chunks).
 */

import { maxErrorBody } from '../handshake/error.ts';
import { HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';

/** Collects a body until it is complete, or more than is kept. */
export class ResponseBody {
  readonly #chunked: boolean;
  readonly #length: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(head: HttpResponseHead) {
    const fields = new HeaderFields(head.headers);
    this.#chunked = /\bchunked$/i.test(fields.joined('Transfer-Encoding') ?? '');
    const length = fields.single('Content-Length') ?? '';
    const hasNone = head.status < 200 || head.status === 204 || head.status === 304;
    this.#length = hasNone ? 0 : /^\d{1,15}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
  }

  /** True when no more is needed. */
  push(chunk: Buffer): boolean {
    if (this.#bytes.length < maxErrorBody) this.#bytes = Buffer.concat([this.#bytes, chunk]);
    return this.isComplete;
  }

  get isComplete(): boolean {
    if (this.#bytes.length >= maxErrorBody) return true;
    return this.#chunked ? decodeChunks(this.#bytes).ended : this.#bytes.length >= this.#length;
  }

  /** What there is of it, at most 64 KiB. */
  get bytes(): Buffer {
    if (this.#chunked) return decodeChunks(this.#bytes).body;
    return this.#bytes.subarray(0, Math.min(this.#bytes.length, this.#length, maxErrorBody));
  }
}

function decodeChunks(bytes: Buffer): { body: Buffer; ended: boolean } {
  const parts: Buffer[] = [];
  let position = 0;
  for (;;) {
    const line = bytes.indexOf('\r\n', position);
    if (line === -1) break;
    const size = Number.parseInt(bytes.toString('latin1', position, line), 16);
    if (!(size > 0)) return { body: Buffer.concat(parts), ended: true };
    const start = line + 2;
    parts.push(bytes.subarray(start, start + size));
    position = start + size + 2;
    if (position > bytes.length) break;
  }
  return { body: Buffer.concat(parts), ended: false };
}
