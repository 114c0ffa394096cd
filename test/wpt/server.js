/**
 * The server for the web platform tests of WebSockets, over ws and wss. Most of its paths use our WebSocketServer. Paths that break the
 * protocol, or that need a special moment, write directly to the socket.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { reject, WebSocketServer } from 'rfc6455';

/**
 * @typedef {import('rfc6455').Connection<Path>} Connection
 * @typedef {import('rfc6455').UpgradeRequest} UpgradeRequest
 * @typedef {import('node:stream').Duplex} Duplex
 * @typedef {{ request: UpgradeRequest, open?: (connection: Connection) => unknown, message?: (connection: Connection, message: string | Buffer) => unknown }} Path
 */

const GOODBYE = 'Goodbye';

/** The behaviour of each path after the handshake. @type {Record<string, Omit<Path, 'request'>>} */
const paths = {
  '/echo': {
    message(connection, message) {
      connection.send(message);
      if (message === GOODBYE) connection.close(1000);
    },
  },
  '/echo_exit': {
    message(connection, message) {
      if (message === GOODBYE) connection.close(1000);
    },
  },
  '/echo_close_data': {
    message(connection, message) {
      if (message === GOODBYE) connection.close(1000);
    },
  },
  '/empty-message': {
    message(connection, message) {
      connection.send(message === '' ? 'pass' : 'fail');
      connection.close(1000);
    },
  },
  '/echo-query': {
    open(connection) {
      connection.send(connection.data.request.query);
      connection.close(1000);
    },
  },
  '/origin': {
    open(connection) {
      connection.send(connection.data.request.origin ?? 'null');
      connection.close(1000);
    },
  },
  '/referrer': {
    open(connection) {
      connection.send(connection.data.request.header('referer') ?? 'MISSING AS PER FETCH');
      connection.close(1000);
    },
  },
  '/protocol': sendsProtocol(),
  '/protocol_array': sendsProtocol(),
  '/handshake_no_extensions': { open: (connection) => connection.close(1000) },
  '/handshake_no_protocol': { open: (connection) => connection.close(1000) },
  '/handshake_sleep_2': { open: (connection) => connection.close(1000) },
  '/sleep_10_v13': {
    message(connection, message) {
      if (message === GOODBYE) connection.close(1000);
      else connection.send(message);
    },
  },
  '/basic_auth': { open: (connection) => connection.close(1000) },
  '/receive-many-with-backpressure': {
    async message(connection, message) {
      connection.pause();
      await delay(100);
      connection.send(String(message.length));
      connection.resume();
    },
  },
};

/** @returns {Omit<Path, 'request'>} */
function sendsProtocol() {
  return {
    open(connection) {
      connection.send(connection.subprotocol);
      connection.close(1000);
    },
  };
}

/** @param {string} key */
function head(
  key,
  accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'),
  extra = '',
) {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: ${accept}\r\n${extra}\r\n`;
}

/** Returns an unmasked Close frame. @param {Buffer} payload */
function close(payload) {
  return Buffer.concat([Buffer.from([0x88, payload.length]), payload]);
}

/** Returns the payload of the first masked Close frame in the received bytes, or null. @param {Buffer} received */
function closePayload(received) {
  const size = (received[1] ?? 0) & 0x7f;
  if (received.length < 6 + size || (received[0] ?? 0) !== 0x88) return null;
  return Buffer.from(received.subarray(6, 6 + size).map((byte, at) => byte ^ (received[2 + (at & 3)] ?? 0)));
}

/** The paths that write directly to the socket. @type {Record<string, (socket: Duplex, key: string) => void>} */
const bare = {
  '/invalid': (socket) => void socket.end('FOO BAR BAZ\r\n\r\n'),
  '/wrong_accept_key': (socket, key) => void socket.write(head(key, 'thisisawrongacceptkey')),
  // The client did not offer this subprotocol.
  '/handshake_protocol': (socket, key) =>
    void socket.write(head(key, undefined, 'Sec-WebSocket-Protocol: foobar\r\n')),
  // The Close frame is sent in the same write as the response.
  '/simple_handshake'(socket, key) {
    const payload = Buffer.concat([Buffer.from([0x03, 0xe9]), Buffer.from('PASS')]);
    socket.write(Buffer.concat([Buffer.from(head(key)), close(payload)]));
    socket.on('data', () => socket.end());
  },
  // The server answers the Close frame after one second.
  '/delayed-passive-close'(socket, key) {
    socket.write(head(key));
    let received = Buffer.alloc(0);
    socket.on('data', async (chunk) => {
      received = Buffer.concat([received, chunk]);
      const payload = closePayload(received);
      if (payload === null) return;
      await delay(1_000);
      socket.end(close(payload));
    });
  },
  // The server sends the payload of each frame back as raw bytes, without a frame.
  '/echo_raw'(socket, key) {
    socket.write(head(key));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const size = (received[1] ?? 0) & 0x7f;
      if (received.length < 6 + size) return;
      const payload = received.subarray(6, 6 + size).map((byte, at) => byte ^ (received[2 + (at & 3)] ?? 0));
      received = received.subarray(6 + size);
      if (Buffer.from(payload).toString() === 'exit') socket.end();
      else socket.write(payload);
    });
  },
};

/** @type {WebSocketServer<Path>} */
const server = new WebSocketServer(
  {
    async upgrade(request) {
      const found = paths[request.path];
      if (found === undefined) return reject(404);
      if (request.path === '/basic_auth' && request.header('authorization') !== 'Basic Zm9vOmJhcg==') {
        return reject(401, '', { 'WWW-Authenticate': 'Basic realm="camelot"' });
      }
      if (request.path === '/handshake_sleep_2') await delay(2_000);
      if (request.path === '/sleep_10_v13') await delay(10_000);
      const [first = ''] = request.subprotocols;
      const echo = request.subprotocols.includes('echo') ? 'echo' : '';
      const subprotocol = request.path.startsWith('/protocol') ? first : request.path === '/echo' ? echo : '';
      return { data: { ...found, request }, subprotocol };
    },
    open: (connection) => connection.data.open?.(connection),
    message: (connection, message) => connection.data.message?.(connection, message),
    error() {},
    refused() {},
  },
  { origins: 'any', handshakeTimeout: 20_000 },
);

const fixtures = new URL('../fixtures/tls/', import.meta.url);

/** The certificate authority of the wss server, for the variable `NODE_EXTRA_CA_CERTS`. */
export const caFile = new URL('ca-cert.pem', fixtures);

/**
 * Starts the ws server and the wss server.
 * @returns {Promise<{ ws: number, wss: number, close: () => Promise<void> }>} the ports, and a function that closes both servers
 */
export async function startServers() {
  const plain = createServer();
  const secure = createTlsServer({
    cert: readFileSync(new URL('localhost-cert.pem', fixtures)),
    key: readFileSync(new URL('localhost-key.pem', fixtures)),
  });
  const ports = [];
  for (const http of [plain, secure]) {
    http.on('upgrade', (request, socket, first) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const answer = bare[path];
      socket.on('error', () => {});
      if (answer === undefined) void server.handleUpgrade(request, socket, first);
      else answer(socket, String(request.headers['sec-websocket-key']));
    });
    await new Promise((resolve) => http.listen(0, () => resolve(null)));
    ports.push(/** @type {import('node:net').AddressInfo} */ (http.address()).port);
  }
  const [ws = 0, wss = 0] = ports;
  return {
    ws,
    wss,
    async close() {
      await server.shutdown({ grace: 1 });
      for (const http of [plain, secure]) {
        http.closeAllConnections();
        http.close();
      }
    },
  };
}
