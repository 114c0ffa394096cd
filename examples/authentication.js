/**
 * The `upgrade` handler decides which clients may connect. It runs before the connection exists. So it refuses a client with an HTTP
 * answer.
 *
 *     TOKEN=secret node examples/authentication.js
 *     npx rfc6455 connect ws://127.0.0.1:8080/ --header 'Authorization: Bearer secret'
 *
 * A web page cannot set Authorization for a WebSocket. For web pages, check the session cookie with `request.header('Cookie')`. Also keep
 * the option `origins` at 'same-origin': a browser sends the cookie even if a page of another site opens the WebSocket.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { reject, WebSocketServer } from 'rfc6455';

const token = process.env.TOKEN;
if (token === undefined || token === '') {
  console.error('usage: TOKEN=secret node examples/authentication.js');
  process.exit(2);
}

// We compare hashes, because `timingSafeEqual` needs values of equal length. Its duration does not depend on the token, so an attacker
// cannot guess the token by measuring time.
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
  // This handler may be async, for example to query a database. It must finish within `handshakeTimeout`.
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
    // `error.value` is text from the peer. We do not log it, because it may contain a password.
    console.log(`refused: ${error.status} ${error.code}`);
  },
});

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

process.once('SIGINT', () => server.shutdown());
