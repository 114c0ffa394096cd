/**
 * Payloads of cases: bytes, a unit repeated up to a length, or noise that never repeats, so that a definition of 16 MiB
 * costs nothing.
 */

import { Random } from '../corpus/random.ts';

/** Bytes that never repeat, the same in every run. */
export interface Noise {
  readonly seed: number;
  readonly length: number;
}

/** Bytes, a unit repeated, or noise. */
export type Payload = Buffer | { readonly unit: Buffer; readonly length: number } | Noise;

/** A payload from text (UTF-8), or from bytes as they are. */
export function payloadOf(source: string | Payload): Payload {
  return typeof source === 'string' ? Buffer.from(source) : source;
}

/** Bytes of hex digits. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

/** A unit (text, or bytes) repeated up to a length. */
export function repeated(unit: string | Buffer, length: number): Payload {
  return { unit: Buffer.from(unit as string), length };
}

/** So many bytes that never repeat: one that is lost, moved or changed anywhere is seen. */
export function noise(length: number, seed: number): Noise {
  return { seed, length };
}

/** The bytes of noise, which are compared more often than they are made. */
const made = new WeakMap<Noise, Buffer>();

function noiseOf(payload: Noise): Buffer {
  const known = made.get(payload);
  if (known !== undefined) return known;
  const random = new Random(payload.seed);
  const filled = Buffer.alloc((payload.length + 3) & ~3);
  for (let at = 0; at < filled.length; at += 4) filled.writeUInt32LE(random.next(), at);
  const whole = filled.subarray(0, payload.length);
  made.set(payload, whole);
  return whole;
}

/** The bytes of a payload. */
export function bytesOf(payload: Payload): Buffer {
  if (Buffer.isBuffer(payload)) return payload;
  return 'seed' in payload ? noiseOf(payload) : Buffer.alloc(payload.length, payload.unit);
}

/** Whether two payloads hold the same bytes. */
export function samePayload(a: Payload, b: Payload): boolean {
  return a.length === b.length && bytesOf(a).equals(bytesOf(b));
}
