/**
 * Payloads of cases: bytes, a repeated unit, or noise without repetitions. A repeated unit and noise are made only when they are needed. So
 * the definition of a payload of 16 MiB needs little memory.
 */

import { Random } from '../corpus/random.ts';

/** Describes bytes without repetitions, which are the same in every run. */
export interface Noise {
  readonly seed: number;
  readonly length: number;
}

export type Payload = Buffer | { readonly unit: Buffer; readonly length: number } | Noise;

/** Makes a payload from a text, as UTF-8. Returns a payload unchanged. */
export function payloadOf(source: string | Payload): Payload {
  return typeof source === 'string' ? Buffer.from(source) : source;
}

/** Converts hex digits to bytes. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

/** Describes a payload of `length` bytes, in which a text or bytes are repeated. */
export function repeated(unit: string | Buffer, length: number): Payload {
  return { unit: Buffer.from(unit as string), length };
}

/** Describes `length` bytes without repetitions. So a comparison finds each byte that was lost, moved or changed. */
export function noise(length: number, seed: number): Noise {
  return { seed, length };
}

/** The bytes of each noise payload. The bytes are kept, because the judge compares them several times. */
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

/** Returns true if two payloads have the same bytes. */
export function samePayload(a: Payload, b: Payload): boolean {
  return a.length === b.length && bytesOf(a).equals(bytesOf(b));
}
