/**
 * A client that sends each of its arguments as a message, prints the same number of answers, and closes.
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
    // The loop buffers a few messages; if more arrive, the peer has to wait. Leaving the loop closes the connection.
    for await (const message of connection) {
      // JSON.stringify escapes control characters, since a peer must not be able to control our terminal.
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
  // `stage` is the step that failed ('dns', 'tcp', 'tls', 'http' …). `status` is the status of the answer, or 0 if there was none.
  console.error(`no connection (${error.stage}): ${error.message}`);
  if (error.status > 0) console.error(`the server answered ${error.status}`);
  process.exitCode = 1;
}
