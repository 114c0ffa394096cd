/**
 * Reads `Sec-WebSocket-Protocol` from header fields that an application sets on a client. The plugin APIs and the 4D API have no option for
 * subprotocols, so their applications set this header field (RFC 6455 §4.1 (10)). handshake/client.ts checks the names.
 */

/**
 * Separates the subprotocols from the other header fields.
 * @param fields a flat list: name, value, name, value …
 */
export function takeSubprotocols(fields: readonly string[]): { headers: string[]; subprotocols: string[] } {
  const headers: string[] = [];
  const subprotocols: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at]!;
    const value = fields[at + 1]!;
    if (name.toLowerCase() !== 'sec-websocket-protocol') headers.push(name, value);
    else subprotocols.push(...value.split(',').map((one) => one.trim()));
  }
  return { headers, subprotocols };
}
