/** Builds and reads the bytes of a test peer. It uses no code of src/. The frames that it builds may be invalid. */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface WireFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

export const Op = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** Returns the bytes of a frame. By default the frame is masked, like a frame of a client. The test can set `mask` to false. */
export function frame(
  opcode: number,
  payload: Uint8Array | string = '',
  { mask = true, fin = true }: { mask?: boolean; fin?: boolean } = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const { length } = body;
  const head = [(fin ? 0x80 : 0) | opcode];
  const bit = mask ? 0x80 : 0;
  if (length < 126) head.push(bit | length);
  else if (length < 65_536) head.push(bit | 126, length >> 8, length & 0xff);
  else
    head.push(
      bit | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 0xff,
      (length >> 8) & 0xff,
      length & 0xff,
    );
  if (!mask) return Buffer.concat([Buffer.from(head), body]);
  for (let at = 0; at < length; at++) body[at]! ^= KEY[at & 3]!;
  return Buffer.concat([Buffer.from(head), KEY, body]);
}

export function closeFrame(code: number | null, reason = '', options: { mask?: boolean } = {}): Buffer {
  if (code === null) return frame(Op.Close, '', options);
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(Op.Close, payload, options);
}

/** Returns the complete frames at the beginning of `bytes`, with their payloads unmasked. */
export function framesOf(bytes: Buffer): WireFrame[] {
  const frames: WireFrame[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    let length = second & 0x7f;
    let start = at + 2;
    if (length === 126) {
      if (start + 2 > bytes.length) break;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (start + 8 > bytes.length) break;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    const masked = (second & 0x80) !== 0;
    const key = masked ? bytes.subarray(start, start + 4) : null;
    if (masked) start += 4;
    if (start + length > bytes.length) break;
    const payload = Buffer.from(bytes.subarray(start, start + length));
    if (key !== null) for (let index = 0; index < length; index++) payload[index]! ^= key[index & 3]!;
    frames.push({ fin: (first & 0x80) !== 0, opcode: first & 0x0f, masked, payload });
    at = start + length;
  }
  return frames;
}

/** Returns the code in the payload of a Close frame, or 1005 if there is no code. */
export function codeOf({ payload }: WireFrame): number {
  return payload.length < 2 ? 1005 : payload.readUInt16BE();
}

/** The key of RFC 6455 §1.3. */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ==';

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/**
 * Returns the head of an opening handshake request. A field in `changes` replaces the usual field with this name, or is added. null removes
 * the usual field.
 */
export function requestHead(
  changes: Readonly<Record<string, string | readonly string[] | null>> = {},
  start = 'GET / HTTP/1.1',
): string {
  const fields: Record<string, string | readonly string[] | null> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': sampleKey,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return [start, ...lines, '', ''].join('\r\n');
}

/** A peer that uses no code of the library. It keeps the received bytes until the test reads them. */
export class RawPeer {
  readonly socket: Socket;
  /** The received chunks. They are joined only when a test reads them, because 16 MiB may arrive in a thousand chunks. */
  #chunks: Buffer[] = [];
  /** True if the other end has ended the connection with FIN or with a reset. */
  ended = false;
  closed = false;
  error: (Error & { code?: string }) | null = null;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.#wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Returns all bytes that were received since the test last set `received`. */
  get received(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  set received(bytes: Buffer) {
    this.#chunks = [bytes];
  }

  static to(port: number): RawPeer {
    return new RawPeer(connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  write(bytes: Buffer | string): this {
    this.socket.write(bytes, 'latin1' as BufferEncoding);
    return this;
  }

  /** Waits until `condition` returns true. Throws if the socket closes and `condition` still returns false. */
  async until(condition: () => boolean): Promise<this> {
    while (!condition()) {
      if (this.closed) throw new Error(`closed too early, after ${JSON.stringify(this.text.slice(0, 300))}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this;
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  /** Returns the head of the first HTTP answer, or '' while the head is incomplete. */
  get head(): string {
    const end = this.text.indexOf('\r\n\r\n');
    return end === -1 ? '' : this.text.slice(0, end + 4);
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0);
  }

  /** Returns the complete frames after the head. */
  get frames(): WireFrame[] {
    return framesOf(this.received.subarray(this.head.length));
  }

  /** Waits until the other end has ended the connection, and returns all received bytes as text. */
  async answer(): Promise<string> {
    while (!this.ended && !this.closed) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.text;
  }

  async gone(): Promise<this> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this;
  }

  /** Performs the opening handshake. */
  async open(changes: Parameters<typeof requestHead>[0] = {}): Promise<this> {
    this.write(requestHead(changes));
    await this.until(() => this.head !== '');
    if (this.status !== 101) throw new Error(`not opened: ${this.text}`);
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
