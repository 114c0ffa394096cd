/**
 * wss on both sides: a server with a certificate, and a client that trusts the authority that issued it.
 * A self-signed certificate is its own authority. Connects to "localhost", which the certificate has to name.
 *
 *     node examples/tls.js cert.pem key.pem ca.pem
 */
import { readFileSync } from 'node:fs';
import { connect, WebSocketServer } from 'rfc6455';

const [certFile, keyFile, caFile] = process.argv.slice(2);
if (certFile === undefined || keyFile === undefined || caFile === undefined) {
  console.error('usage: node examples/tls.js cert.pem key.pem ca.pem');
  process.exit(2);
}

const server = new WebSocketServer({
  message: (connection, message) => {
    connection.send(message);
  },
});
// Everything that tls.createServer takes: several certificates by SNI, client certificates, …
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const { port } = await server.listen({ tls });
const url = `wss://localhost:${port}/`;

// Without `ca`, only the authorities that Node knows are trusted, and this would fail with a HandshakeError of stage 'tls'.
// There is no need to switch verification off.
const connection = await connect(url, { tls: { ca: readFileSync(caFile) }, tcp: { family: 4 } });
connection.send('over TLS');
for await (const message of connection) {
  console.log(message);
  break;
}

await server.shutdown();
