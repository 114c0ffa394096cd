/**
 * Who may connect is decided before the connection exists, in the `upgrade` handler: a refusal is an HTTP answer.
 *
 *     TOKEN=secret node examples/authentication.js
 *     npx rfc6455 connect ws://127.0.0.1:8080/ --header 'Authorization: Bearer secret'
 *
 * Browsers can't set Authorization for a WebSocket. There, use the session's cookie, `request.header('Cookie')`, and keep
 * the origin policy at 'same-origin': cookies are sent whichever page asks.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { reject, WebSocketServer } from 'rfc6455';

const token = process.env.TOKEN;
if (token === undefined || token === '') {
  console.error('usage: TOKEN=secret node examples/authentication.js');
  process.exit(2);
}

// Hashes have one length, which timingSafeEqual wants; and how long it takes says nothing about the token.
const expected = hash('sha256', token, 'buffer');

/** @param {string | null} authorization */
function isAuthorized(authorization) {
  const [scheme, given] = (authorization ?? '').split(' ');
  return (
    scheme?.toLowerCase() === 'bearer' &&
    given !== undefined &&
    timingSafeEqual(hash('sha256', given, 'buffer'), expected)
  );
}

const server = new WebSocketServer({
  // May be async, to ask a database: all of it happens within `handshakeTimeout`.
  upgrade(request) {
    if (!isAuthorized(request.header('Authorization'))) {
      return reject(401, 'A bearer token is needed\n', { 'WWW-Authenticate': 'Bearer' });
    }
    return { data: { since: new Date() } };
  },
  open(connection) {
    connection.send(`welcome, authorized at ${connection.data.since.toISOString()}`);
  },
  message: () => {},
  refused(error) {
    // `error.value` is what the peer sent: not logged here, as it could be a password typed in the wrong place.
    console.log(`refused: ${error.status} ${error.code}`);
  },
});

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

process.once('SIGINT', () => server.shutdown());
