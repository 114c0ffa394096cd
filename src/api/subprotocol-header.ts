/**
 * `Sec-WebSocket-Protocol` among the header fields of a client: where neither the plugins nor 4D have an option for
 * subprotocols, programs ask for them in this way. RFC 6455 §4.1 (10); what a subprotocol may be is handshake/client.ts.
 */

/**
 * Takes the subprotocols out of header fields.
 * @param fields flat: name, value, name, value …
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
