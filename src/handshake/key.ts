/**
 * Sec-WebSocket-Key and Sec-WebSocket-Accept: RFC 6455 §1.3, §4.1 (7), §4.2.2 (5.4).
 * Proof that the server read a WebSocket handshake; no authentication and no secret.
 */
import { hash, randomBytes } from 'node:crypto';

// §1.3: the GUID that the server appends to the key.
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A fresh key: 16 random bytes in base64 (RFC 6455 §4.1). */
export function generateKey(): string {
  return randomBytes(16).toString('base64');
}

/**
 * The Sec-WebSocket-Accept that answers `key` (RFC 6455 §4.2.2): hashes the key as it stands, not what it
 * encodes.
 */
export function computeAccept(key: string): string {
  return hash('sha1', key + guid, 'base64');
}

/**
 * Whether `value` is a key: 16 bytes in base64, with padding and no stray bits (RFC 6455 §4.1, erratum 3150).
 */
export function isKey(value: string): boolean {
  // Node's decoder is lenient: only what it would itself write for these bytes is canonical.
  return (
    value.length === 24 && Buffer.from(value, 'base64').toString('base64') === value && value.endsWith('==')
  );
}
