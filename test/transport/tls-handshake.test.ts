/** Tests a TLS handshake that fails. The server closes the socket, and the connection no longer counts for maxConnections. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connect, WebSocketServer } from '../../src/index.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

test("S9: if a client refuses the server's certificate, the server no longer counts the connection in maxConnections", async () => {
  const server = new WebSocketServer({}, { handshakeTimeout: Number.POSITIVE_INFINITY, maxConnections: 1 });
  const tls = { cert: fixture('localhost-cert.pem'), key: fixture('localhost-key.pem') };
  const { port } = await server.listen({ tls });
  const url = `wss://localhost:${port}/`;
  await expect(connect(url)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  // maxConnections is 1. When the server has read the TLS alert, it accepts the next connection.
  const trusting = async (): Promise<number> => {
    const connection = await connect(url, { tls: { ca: fixture('ca-cert.pem') } });
    return (await connection.close()).code;
  };
  await expect.poll(() => trusting().catch(() => 0), { timeout: 20_000 }).toBe(1000);
  await server.shutdown();
});
