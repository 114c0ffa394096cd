/**
 * Creates and checks the values of Sec-WebSocket-Key and Sec-WebSocket-Accept: RFC 6455 §1.3, §4.1 (7), §4.2.2 (5.4).
 * Sec-WebSocket-Accept proves that the server understood the WebSocket handshake. It does not authenticate the server, and the key is not a
 * secret.
 */
import { hash, randomBytes } from 'node:crypto';

// §1.3: the GUID that the server appends to the key.
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Returns a fresh key: 16 random bytes in base64 (RFC 6455 §4.1). */
export function generateKey(): string {
  return randomBytes(16).toString('base64');
}

/**
 * Returns the value of Sec-WebSocket-Accept for `key` (RFC 6455 §4.2.2). The hash is computed from the base64 text of the key, not from its
 * 16 bytes.
 */
export function computeAccept(key: string): string {
  return hash('sha1', key + guid, 'base64');
}

/**
 * Returns true if `value` is a valid key: 16 bytes in base64, which are 22 characters and the padding "==" (RFC 6455 §4.2.1 (5)). A base64
 * decoder ignores the last 4 bits of the 22nd character. We accept keys in which these bits are not 0, because IXWebSocket before 11.4.2
 * (used by the 4D plugins) sends such keys.
 */
export function isKey(value: string): boolean {
  if (value.length !== 24 || !value.endsWith('==')) return false;
  for (let at = 0; at < 22; at++) if (!isBase64Code(value.charCodeAt(at))) return false;
  return true;
}

// RFC 4648 §4: A to Z, a to z, 0 to 9, "+" and "/".
function isBase64Code(code: number): boolean {
  return (
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2f
  );
}
