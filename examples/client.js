/**
 * A client: sends its arguments, prints as many answers, closes.
 *
 *     node examples/client.js ws://127.0.0.1:8080/ hello world
 */
import { connect, HandshakeError } from 'rfc6455';

const [url = 'ws://127.0.0.1:8080/', ...messages] = process.argv.slice(2);

try {
  const connection = await connect(url, { handshakeTimeout: 5_000 });
  for (const message of messages) connection.send(message);

  let expected = messages.length;
  if (expected > 0) {
    // Reads ahead a little, then lets the peer wait. Leaving the loop closes the connection.
    for await (const message of connection) {
      // JSON.stringify escapes control characters: a peer must not write to our terminal.
      console.log(typeof message === 'string' ? JSON.stringify(message) : message);
      if (--expected === 0) break;
    }
  } else {
    connection.close();
  }
  const { code, wasClean } = await connection.closed;
  console.log(`closed: ${code}, ${wasClean ? 'clean' : 'not clean'}`);
} catch (error) {
  if (!(error instanceof HandshakeError)) throw error;
  // Where it stopped ('dns', 'tcp', 'tls', 'http' …), and what the server said, if it said anything.
  console.error(`no connection (${error.stage}): ${error.message}`);
  if (error.status > 0) console.error(`the server answered ${error.status}`);
  process.exitCode = 1;
}
