/**
 * The `upgrade` handler decides which clients may connect. It runs before the connection exists, so a refusal is an HTTP answer.
 *
 *     TOKEN=secret node examples/authentication.js
 *     npx rfc6455 connect ws://127.0.0.1:8080/ --header 'Authorization: Bearer secret'
 *
 * A page cannot set Authorization for a WebSocket. For pages, check the cookie of the session with `request.header('Cookie')`, and keep the
 * option `origins` at 'same-origin', since a browser sends cookies for pages of any origin.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { reject, WebSocketServer } from 'rfc6455';

const token = process.env.TOKEN;
if (token === undefined || token === '') {
  console.error('usage: TOKEN=secret node examples/authentication.js');
  process.exit(2);
}

// The token is compared by its hash: timingSafeEqual needs values of equal length, and its duration must not depend on the token.
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
  // This handler may be async, for example to ask a database. It has to finish within `handshakeTimeout`.
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
    // `error.value` is text that the peer sent. It is not logged here, since it could contain a password by mistake.
    console.log(`refused: ${error.status} ${error.code}`);
  },
});

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

process.once('SIGINT', () => server.shutdown());
