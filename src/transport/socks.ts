/**
 * Opens a connection through a SOCKS5 proxy: RFC 1928, and RFC 1929 for a user name and a password. The note at the end of RFC 6455 §4.1
 * recommends SOCKS5 proxies for WebSocket connections. This file writes the client's messages and reads the proxy's messages. proxy.ts
 * decides which proxy to use. tunnel.ts connects to this proxy.
 */

import { isIP, isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocketTarget } from '../handshake/client.ts';
import { HandshakeError } from '../handshake/error.ts';
import type { Attempt } from './attempt.ts';
import { dialFailure, dialFailures } from './dial-failure.ts';
import { readFrom } from './response.ts';

/** A SOCKS5 proxy. The connection to the server goes through it. */
export interface SocksProxy {
  readonly kind: 'socks5';
  readonly hostname: string;
  readonly port: number;
  /** The user name and the password, or null. Only the proxy receives them. */
  readonly credentials: { readonly username: Buffer; readonly password: Buffer } | null;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USERNAME_PASSWORD = 2;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

// 1928 §6: the values of the field REP in a reply that refuses the connection.
const refusals: ReadonlyMap<number, string> = new Map([
  [1, 'general failure'],
  [2, 'connection not allowed by its rules'],
  [3, 'network unreachable'],
  [4, 'host unreachable'],
  [5, 'connection refused'],
  [6, 'TTL expired'],
  [7, 'command not supported'],
  [8, 'address type not supported'],
]);

/**
 * Asks a SOCKS5 proxy for a connection to the target. The socket is already connected to the proxy.
 * @returns the same socket. It is now connected to the target through the proxy
 * @throws HandshakeError of stage 'proxy'
 */
export async function openSocksTunnel(
  attempt: Attempt,
  socket: Duplex,
  { credentials }: SocksProxy,
  target: WebSocketTarget,
): Promise<Duplex> {
  // 1928 §3: the client offers methods of authentication, and the proxy chooses one of them.
  const offered = credentials === null ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USERNAME_PASSWORD];
  socket.write(Buffer.from([VERSION, offered.length, ...offered]));
  const [version, method] = await read(attempt, socket, () => 2);
  if (version !== VERSION) throw dialFailure('WS_SOCKS_REPLY');
  if (credentials !== null && method === USERNAME_PASSWORD) {
    const { username, password } = credentials;
    // 1929 §2: the message begins with 1, the version of the subnegotiation. The length of each value comes before the value.
    const parts = [[1, username.length], username, [password.length], password];
    socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    const [, status] = await read(attempt, socket, () => 2);
    if (status !== 0) throw dialFailure('WS_SOCKS_AUTHENTICATION');
  } else if (method !== NO_AUTHENTICATION) {
    throw dialFailure('WS_SOCKS_AUTHENTICATION');
  }
  socket.write(formatSocksRequest(target));
  const reply = await read(attempt, socket, replySize);
  if (reply[1] !== 0) throw refused(reply[1]!);
  return socket;
}

/** Returns the request for a connection (1928 §4). If the target is a host name, the proxy resolves the name. */
export function formatSocksRequest({ hostname, port }: WebSocketTarget): Buffer {
  const address = addressOf(hostname);
  const portBytes = [port >> 8, port & 0xff];
  return Buffer.from([VERSION, 1, 0, ...address, ...portBytes]);
}

/** Returns the bytes of the fields ATYP and DST.ADDR (1928 §5) for a host. */
function addressOf(hostname: string): readonly number[] {
  if (isIPv4(hostname)) return [IPV4, ...hostname.split('.').map(Number)];
  if (isIP(hostname) === 0) {
    const name = Buffer.from(hostname);
    // The length field has one byte. A DNS name is never longer than 255 bytes (RFC 1035 §2.3.4).
    if (name.length > 255) throw refusedBecause('the host name is longer than 255 bytes');
    return [NAME, name.length, ...name];
  }
  // The URL parser has normalized the IPv6 address. So the address has at most one "::", and no part in IPv4 notation.
  const [before = [], after = []] = hostname
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return [IPV6, ...groups.flatMap((group) => [group >> 8, group & 0xff])];
}

/**
 * Returns the size of a SOCKS5 reply (1928 §6). `reply` has the bytes that have arrived. If more bytes are needed to know the size, the
 * function returns how many bytes are needed in total.
 */
function replySize(reply: Buffer): number {
  if (reply.length >= 1 && reply[0] !== VERSION) throw dialFailure('WS_SOCKS_REPLY');
  // If the reply is a refusal, we need only the field REP. A refusal may end after this field.
  if (reply.length >= 2 && reply[1] !== 0) return 2;
  if (reply.length < 5) return 5;
  const type = reply[3];
  if (type === IPV4) return 10;
  if (type === IPV6) return 22;
  if (type === NAME) return 7 + reply[4]!;
  throw dialFailure('WS_SOCKS_REPLY');
}

/**
 * Reads one message of the proxy. Bytes after the message are put back into the socket.
 * @param sizeOf returns the size of the message. If `sizeOf` needs more bytes to know the size, it returns a number above `bytes.length`
 */
function read(attempt: Attempt, socket: Duplex, sizeOf: (bytes: Buffer) => number): Promise<Buffer> {
  return attempt.step(socket, 'proxy', (done, fail) => {
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const size = sizeOf(bytes);
        if (bytes.length < size) return;
        socket.pause();
        done(bytes.subarray(0, size));
        if (bytes.length > size) socket.unshift(bytes.subarray(size));
      } catch (error) {
        fail(error);
      }
    };
    return readFrom(socket, onData, () => fail(dialFailure('WS_DIAL_CLOSED', { stage: 'proxy' })));
  });
}

function refused(reply: number): HandshakeError {
  return refusedBecause(refusals.get(reply) ?? `reply ${reply}`);
}

function refusedBecause(reason: string): HandshakeError {
  const { stage, section, text } = dialFailures.WS_SOCKS_REFUSED;
  return new HandshakeError('WS_SOCKS_REFUSED', `${text}: ${reason} (${section})`, { stage });
}
