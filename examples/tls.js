/**
 * A server and a client that use wss (TLS). The server has a certificate, and the client trusts the CA of this certificate. For a
 * self-signed certificate, pass the certificate as the CA. The client connects to "localhost", so the certificate must be valid for this
 * name.
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
// `tls` accepts all options of `tls.createServer`. Examples are options for client certificates, or for several host names (SNI).
const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const { port } = await server.listen({ tls });
const url = `wss://localhost:${port}/`;

// Without `ca`, the client trusts only the CAs that Node trusts, and `connect` rejects with a HandshakeError of stage 'tls'. With `ca`, you
// need not disable the verification.
const connection = await connect(url, { tls: { ca: readFileSync(caFile) }, tcp: { family: 4 } });
connection.send('over TLS');
for await (const message of connection) {
  console.log(message);
  break;
}

await server.shutdown();
