/**
 * A client that sends each argument as a message, prints one answer for each message, and then closes the connection.
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
    // If messages arrive faster than the loop processes them, a few messages are buffered, and then the peer must wait. When the loop ends,
    // the connection is closed.
    for await (const message of connection) {
      // JSON.stringify escapes control characters, so that a peer cannot control our terminal.
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
  // `stage` is the step that failed: 'dns', 'tcp', 'tls', 'http' and others. `status` is the HTTP status of the answer, or 0 if there was
  // no answer.
  console.error(`no connection (${error.stage}): ${error.message}`);
  if (error.status > 0) console.error(`the server answered ${error.status}`);
  process.exitCode = 1;
}
