/**
 * Functions for the load generators of compressed messages. They compress messages in advance, perform the opening handshake, and count the
 * echoed messages.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { constants, createDeflateRaw } from 'node:zlib';

/**
 * Compresses each message to a payload. If `context` is true, a message may refer to the messages before it.
 * @param {Buffer[]} messages @param {boolean} context @returns {Promise<Buffer[]>}
 */
export async function compress(messages, context) {
  // If the stream's buffer is full, a flush never finishes. So this buffer is large.
  const options = { level: 6, readableHighWaterMark: 1_048_576 };
  const stream = createDeflateRaw(options);
  /** @type {Buffer[]} */
  const results = [];
  for (const message of messages) {
    if (!context) await new Promise((resolve) => stream.flush(constants.Z_FULL_FLUSH, () => resolve(null)));
    while (stream.read() !== null);
    stream.write(message);
    await new Promise((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve(null)));
    /** @type {Buffer[]} */
    const parts = [];
    for (let part = stream.read(); part !== null; part = stream.read()) parts.push(part);
    const output = Buffer.concat(parts);
    results.push(output.subarray(0, output.length - 4));
  }
  stream.close();
  return results;
}

/** Returns a masked text frame with the bit RSV1, which marks a compressed message. @param {Buffer} payload */
export function maskedFrame(payload) {
  const size = payload.length;
  const header = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(header + 4 + size);
  frame[0] = 0xc1;
  frame[1] = 0x80 | (header === 2 ? size : header === 4 ? 126 : 127);
  if (header === 4) frame.writeUInt16BE(size, 2);
  if (header === 10) frame.writeBigUInt64BE(BigInt(size), 2);
  const key = randomBytes(4);
  key.copy(frame, header);
  for (let at = 0; at < size; at++) {
    frame[header + 4 + at] = /** @type {number} */ (payload[at]) ^ /** @type {number} */ (key[at & 3]);
  }
  return frame;
}

/** @param {number} port @param {boolean} context @returns {Promise<import('node:net').Socket>} */
export function open(port, context) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const parameters = context ? '' : '; server_no_context_takeover; client_no_context_takeover';
    let head = '';
    socket.once('error', reject);
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate${parameters}\r\n\r\n`,
    );
    socket.on('data', function onData(chunk) {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      socket.off('data', onData);
      if (/^HTTP\/1.1 101[\s\S]*permessage-deflate/.test(head)) resolve(socket);
      else reject(new Error(head));
    });
  });
}

/** Counts the frames that a server sends, and the bytes of their payloads. */
export class FrameCounter {
  frames = 0;
  payload = 0;
  #header = Buffer.alloc(10);
  #headerSize = 0;
  #remaining = 0;

  /** @param {Buffer} chunk @returns {number} the number of frames that end in this chunk */
  push(chunk) {
    let ended = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const taken = Math.min(this.#remaining, chunk.length - at);
        at += taken;
        this.#remaining -= taken;
        if (this.#remaining === 0) ended++;
        continue;
      }
      this.#header[this.#headerSize++] = /** @type {number} */ (chunk[at++]);
      const length = /** @type {number} */ (this.#header[1]) & 0x7f;
      const size = this.#headerSize < 2 ? 2 : length === 126 ? 4 : length === 127 ? 10 : 2;
      if (this.#headerSize < size) continue;
      this.#headerSize = 0;
      this.#remaining =
        length === 126
          ? this.#header.readUInt16BE(2)
          : length === 127
            ? Number(this.#header.readBigUInt64BE(2))
            : length;
      this.payload += this.#remaining;
    }
    this.frames += ended;
    return ended;
  }
}
