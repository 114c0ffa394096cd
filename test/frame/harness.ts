/**
 * The tests of frame/ share this file. It has a frame builder and a frame reader that use no code of src/, a sink (a fake transport), and a
 * recorder of events. The builder can also make invalid frames. The reader refuses invalid frames.
 */
import { Endpoint } from '../../src/frame/endpoint.ts';
import type { CloseRecord, EndpointEvents } from '../../src/frame/endpoint-events.ts';
import type { EndpointOptions } from '../../src/frame/endpoint-options.ts';
import type { MessageCodec } from '../../src/frame/message-codec.ts';
import type { Role } from '../../src/frame/parser.ts';
import type { ByteSink, SendCallback, SharedMemory } from '../../src/frame/sink.ts';
import { ProtocolError } from '../../src/frame/violation.ts';

export const roles = ['client', 'server'] as const;

/** The masking key of RFC 6455 §5.7. */
export const rfcKey = [0x37, 0xfa, 0x21, 0x3d] as const;

export interface FrameSpec {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly fin?: boolean;
  /** RSV1 to RSV3 as a number from 0 to 7. */
  readonly rsv?: number;
  /** null means that the frame is not masked. */
  readonly key?: readonly number[] | null;
  /** The length in the header. It is set only if it differs from the length of the payload. */
  readonly length?: bigint;
  /** The length form: 7, 16 or 64 bits. @default the shortest */
  readonly form?: 7 | 16 | 64;
}

/** Builds one frame, byte by byte, as the RFC requires. */
export function frame(spec: FrameSpec): Buffer {
  const payload = typeof spec.payload === 'string' ? Buffer.from(spec.payload) : (spec.payload ?? []);
  const length = spec.length ?? BigInt(payload.length);
  const form = spec.form ?? (length < 126n ? 7 : length < 65536n ? 16 : 64);
  const key = spec.key ?? null;
  const first = ((spec.fin ?? true) ? 128 : 0) + (spec.rsv ?? 0) * 16 + spec.opcode;
  const second = (key === null ? 0 : 128) + (form === 7 ? Number(length) : form === 16 ? 126 : 127);
  const header = [first, second];
  if (form !== 7) {
    for (let shift = BigInt(form) - 8n; shift >= 0n; shift -= 8n) {
      header.push(Number((length >> shift) & 255n));
    }
  }
  if (key !== null) header.push(...key);
  return Buffer.concat([
    Buffer.from(header),
    Uint8Array.from(payload, (byte, i) => byte ^ (key?.[i % 4] ?? 0)),
  ]);
}

/** Builds a frame as the peer of `role` must send it. The frame is masked if the peer is a client. */
export function peerFrame(role: Role, spec: FrameSpec): Buffer {
  return frame({ key: role === 'server' ? rfcKey : null, ...spec });
}

export interface ReadFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly key: readonly number[];
  readonly payload: Buffer;
  readonly size: number;
}

/** Reads frames in a slow and simple way. Throws if a length does not have its shortest form, or if a frame is incomplete. */
export function readFrames(bytes: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  let at = 0;
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) throw new Error(`cut off at ${at}: ${count} bytes wanted`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const start = at;
    const [first = 0, second = 0] = take(2);
    let length = BigInt(second & 127);
    if (length === 126n) {
      length = BigInt(take(2).readUInt16BE());
      if (length < 126n) throw new Error(`${length} in 16 bits`);
    } else if (length === 127n) {
      length = take(8).readBigUInt64BE();
      if (length < 65536n) throw new Error(`${length} in 64 bits`);
    }
    const masked = second >= 128;
    const key = masked ? [...take(4)] : [];
    const payload = Buffer.from(take(Number(length)).map((byte, i) => byte ^ (key[i % 4] ?? 0)));
    frames.push({
      ...{ fin: first >= 128, rsv: (first >> 4) & 7, opcode: first & 15, masked, key, payload },
      size: at - start,
    });
  }
  return frames;
}

const POISON = 0xa5;

/**
 * A fake transport that keeps the sent bytes. The memory that it reserves is filled with a pattern. So a test notices bytes that the
 * endpoint sends but never wrote.
 */
export class MemorySink implements ByteSink {
  readonly calls: string[] = [];
  blocked = false;
  bufferedAmount = 0;
  /** If true, bytes count as sent only after `leave` is called. */
  keeps = false;
  /** The endpoint that writes to this sink. */
  endpoint: Endpoint | null = null;
  /** Is called after each commit and each append. */
  onSend: (() => void) | null = null;
  onEnd: (() => void) | null = null;
  onDestroy: (() => void) | null = null;
  readonly #parts: Buffer[] = [];
  #marks: SendCallback[] = [];
  #reserved: { buffer: Buffer; offset: number; size: number } | null = null;

  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    // The reserved memory has no more space than requested. It starts at an odd offset. Bytes beyond the end throw or are lost.
    this.#reserved = { buffer: Buffer.alloc(size + 3, POISON), offset: 3, size };
    return this.#reserved;
  }

  commit(size: number): void {
    const reserved = this.#reserved;
    if (reserved === null) throw new Error('commit without reserve');
    if (size > reserved.size) throw new Error(`committed ${size} of ${reserved.size} bytes`);
    this.#reserved = null;
    this.#add(Buffer.from(reserved.buffer.subarray(reserved.offset, reserved.offset + size)));
  }

  append(payload: Uint8Array, size: number, _isStable: boolean, _shared: SharedMemory | null): void {
    if (size > 0) this.commit(size);
    this.#add(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
  }

  closing(): void {
    this.calls.push('closing');
  }

  end(): void {
    this.calls.push('end');
    this.onEnd?.();
  }

  destroy(): void {
    this.calls.push('destroy');
    this.leave(new Error('destroyed'));
    this.onDestroy?.();
  }

  resumeReading(): void {
    this.calls.push('resume');
  }

  whenSent(done: SendCallback): void {
    if (this.calls.includes('destroy')) done(new Error('destroyed'));
    else if (this.keeps) this.#marks.push(done);
    else done(null);
  }

  /** Reports that the kept bytes have left the process. With an error, reports that they will never leave. */
  leave(error: Error | null = null): void {
    const marks = this.#marks;
    this.#marks = [];
    if (error === null) this.bufferedAmount = 0;
    for (const done of marks) done(error);
  }

  /** The number of bytes that wait inside the endpoint. */
  get held(): number {
    return (this.endpoint?.bufferedAmount ?? this.bufferedAmount) - this.bufferedAmount;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  get frames(): ReadFrame[] {
    return readFrames(this.bytes);
  }

  /** Forgets everything that was sent so far. */
  clear(): void {
    this.#parts.length = 0;
    this.calls.length = 0;
  }

  #add(bytes: Buffer): void {
    if (this.calls.includes('destroy')) return;
    this.#parts.push(bytes);
    this.bufferedAmount += bytes.length;
    this.onSend?.();
  }
}

export type EventName = keyof EndpointEvents;
export const eventNames: readonly EventName[] = [
  'onText',
  'onBinary',
  'onFragment',
  'onPing',
  'onPong',
  'onClosing',
  'onClose',
  'onError',
];

/** Records events as plain values, and lets a test act inside them. */
export class Recorder implements EndpointEvents {
  readonly log: unknown[][] = [];
  readonly errors: Error[] = [];
  readonly closes: CloseRecord[] = [];
  /** This function runs inside each event, after the event is recorded. */
  act: (name: EventName) => void = () => {};

  onText(text: string | Buffer, wireSize: number): void {
    this.#record('onText', typeof text === 'string' ? text : `bytes ${text.toString('hex')}`, wireSize);
  }
  onBinary(payload: Buffer, wireSize: number): void {
    this.#record('onBinary', payload.toString('hex'), wireSize);
  }
  onFragment(): void {
    this.#record('onFragment');
  }
  onPing(payload: Buffer): void {
    this.#record('onPing', payload.toString('hex'));
  }
  onPong(payload: Buffer): void {
    this.#record('onPong', payload.toString('hex'));
  }
  onClosing(byPeer: boolean): void {
    this.#record('onClosing', byPeer);
  }
  onClose(record: CloseRecord): void {
    this.closes.push(record);
    const { code, reason, wasClean, byPeer } = record;
    this.#record('onClose', code, reason, wasClean, byPeer);
  }
  onError(error: Error): void {
    this.errors.push(error);
    this.#record('onError', 'code' in error ? error.code : error.message);
  }

  /** Returns all recorded events with this name. */
  of(name: EventName): unknown[][] {
    return this.log.filter(([first]) => first === name).map(([, ...rest]) => rest);
  }

  #record(name: EventName, ...values: unknown[]): void {
    this.log.push([name, ...values]);
    this.act(name);
  }
}

export interface Bench {
  readonly role: Role;
  readonly endpoint: Endpoint;
  readonly sink: MemorySink;
  readonly events: Recorder;
  /** Passes one frame of the peer to the endpoint. */
  feed(spec: FrameSpec): boolean;
  /** Returns the code in the only Close frame that was sent, or null. */
  sentCloseCode(): number | null;
}

/** Creates an endpoint with a fake transport and a recorder of events. */
export function bench(role: Role, options: Partial<EndpointOptions> = {}): Bench {
  const sink = new MemorySink();
  const events = new Recorder();
  const endpoint = new Endpoint(sink, events, { maxMessageSize: 1_048_576, ...options, role });
  sink.endpoint = endpoint;
  return {
    ...{ role, endpoint, sink, events },
    feed: (spec) => endpoint.receive(peerFrame(role, spec)),
    sentCloseCode: () => {
      const closes = sink.frames.filter(({ opcode }) => opcode === 8);
      if (closes.length > 1) throw new Error(`${closes.length} Close frames`);
      const [close] = closes;
      return close === undefined ? null : close.payload.length === 0 ? 1005 : close.payload.readUInt16BE();
    },
  };
}

/** Sends a message in frames with `fragmentSize` bytes of payload each. */
export function sendFragmented(
  endpoint: Endpoint,
  data: string | Uint8Array,
  fragmentSize: number,
  compress = true,
  lastFragmentSize?: number,
): number {
  const options = { fragmentSize, compress, lastFragmentSize };
  return typeof data === 'string' ? endpoint.sendText(data, options) : endpoint.sendBinary(data, options);
}

/** Cuts `bytes` at the given places. Each returned piece has separate memory. */
export function cut(bytes: Buffer, ...places: number[]): Buffer[] {
  const edges = [0, ...places, bytes.length];
  return edges.slice(1).map((edge, i) => Buffer.from(bytes.subarray(edges[i], edge)));
}

/** Returns the bytes in several ways: in one chunk, byte by byte, and in two chunks for every place of the cut. */
export function allCuts(bytes: Buffer): Buffer[][] {
  const places = Array.from({ length: Math.max(bytes.length - 1, 0) }, (_, i) => i + 1);
  return [cut(bytes), cut(bytes, ...places), ...places.map((place) => cut(bytes, place))];
}

/** Creates a generator of numbers from 0 up to, but not including, `limit`. The same seed gives the same numbers. */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/**
 * A fake codec. It compresses by adding `z:` before the bytes, and decompresses by removing `z:`. If `waits` is true, each answer waits
 * until the test calls `release`.
 */
export class FakeCodec implements MessageCodec {
  threshold = 4;
  /** If true, `compress` and `decompress` return a Promise. */
  waits = false;
  closed = 0;
  #pending: (() => void)[] = [];

  compress(payload: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const text = Buffer.from(payload).toString('latin1');
    if (text.includes('throws')) throw new Error('the codec broke');
    const result = text.includes('random') ? payload : Buffer.from(`z:${text}`, 'latin1');
    return this.#answer(() => {
      if (text.includes('rejects')) throw new Error('the codec broke');
      return result;
    });
  }

  decompress(payload: Uint8Array, maxLength: number): Buffer | Promise<Buffer> {
    const result = Buffer.from(payload.subarray(2));
    const isLegal = Buffer.from(payload).toString('latin1', 0, 2) === 'z:';
    return this.#answer(() => {
      if (!isLegal) throw new ProtocolError('WS_INVALID_UTF8');
      if (result.length > maxLength) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
      return result;
    });
  }

  close(): void {
    this.closed++;
  }

  /** Answers the oldest `count` calls. Without `count`, answers all calls. Resolves when the endpoint has processed the answers. */
  async release(count = Infinity): Promise<void> {
    for (let n = 0; n < count && this.#pending.length > 0; n++) {
      this.#pending.shift()!();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  }

  #answer<T>(result: () => T): T | Promise<T> {
    if (!this.waits) return result();
    return new Promise<void>((resolve) => this.#pending.push(resolve)).then(result);
  }
}
