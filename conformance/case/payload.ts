/**
 * Payloads of cases: octets, or a unit repeated up to a length, so that a definition of 16 MiB costs nothing.
 */

/** Octets, or a unit repeated. */
export type Payload = Buffer | { readonly unit: Buffer; readonly length: number };

/** A payload from text (UTF-8), or from octets as they are. */
export function payloadOf(source: string | Payload): Payload {
  return typeof source === 'string' ? Buffer.from(source) : source;
}

/** Octets of hex digits. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

/** A unit (text, or octets) repeated up to a length. */
export function repeated(unit: string | Buffer, length: number): Payload {
  return { unit: Buffer.from(unit as string), length };
}

/** The octets of a payload. */
export function octetsOf(payload: Payload): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.alloc(payload.length, payload.unit);
}

/** Whether two payloads hold the same octets. */
export function samePayload(a: Payload, b: Payload): boolean {
  return a.length === b.length && octetsOf(a).equals(octetsOf(b));
}
