/**
 * wss on both ends: a server with a certificate, and a client that trusts the CA of this certificate. A self-signed certificate is its own
 * CA. The client connects to "localhost", so the certificate has to contain this name.
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
// `tls` accepts all options of tls.createServer, for example for several certificates by SNI, or for client certificates.
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const { port } = await server.listen({ tls });
const url = `wss://localhost:${port}/`;

// Without `ca`, the client trusts only the CAs that Node knows, so `connect` would reject with a HandshakeError of stage 'tls'. There is no
// need to disable the verification.
const connection = await connect(url, { tls: { ca: readFileSync(caFile) }, tcp: { family: 4 } });
connection.send('over TLS');
for await (const message of connection) {
  console.log(message);
  break;
}

await server.shutdown();
