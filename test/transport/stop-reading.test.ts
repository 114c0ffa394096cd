/** FAULT-4: a socket that is to read nothing more reads nothing more, and goes on where it stopped. Real sockets. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { startReading, stopReading } from '../../src/transport/stop-reading.ts';

const PAYLOAD = randomBytes(2 * 1024 * 1024);
const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

const opened: (Server | Socket)[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) {
    if ('destroy' in one) one.destroy();
    else await new Promise((resolve) => one.close(resolve));
  }
});

/** @returns both ends of a connection; the second is the server's, and allows half-open */
async function pair(isTls: boolean): Promise<[Socket, Socket]> {
  const server = isTls
    ? createTlsServer({
        key: fixture('localhost-key.pem'),
        cert: fixture('localhost-cert.pem'),
        allowHalfOpen: true,
      })
    : createServer({ allowHalfOpen: true });
  const accepted = once(server, isTls ? 'secureConnection' : 'connection') as Promise<[Socket]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
  const [socket] = await accepted;
  opened.push(client, socket, server);
  return [client, socket];
}

/** What could be read would be read by now: other bytes went back and forth, again and again. */
async function busyTurns(): Promise<void> {
  const [client, socket] = await pair(false);
  socket.on('data', (byte) => socket.write(byte));
  for (let count = 0; count < 20; count++) {
    client.write('x');
    await once(client, 'data');
  }
}

/** Collects what arrives, up to the peer's end. */
class Received {
  readonly ended: Promise<unknown>;
  bytes = 0;
  readonly #hash = createHash('sha1');

  constructor(socket: Socket, onData: () => void) {
    this.ended = once(socket, 'end');
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.#hash.update(chunk);
      onData();
    });
  }

  get digest(): string {
    return this.#hash.digest('hex');
  }
}

const expected = createHash('sha1').update(PAYLOAD).digest('hex');

describe.each([
  ['TCP', false],
  ['TLS', true],
] as const)('%s', (_name, isTls) => {
  test('FAULT-4: stopped by its own data, a socket reads on only after startReading, and loses nothing', async () => {
    const [client, socket] = await pair(isTls);
    let stops = 0;
    const received = new Received(socket, () => {
      if (stops++ < 3) stopReading(socket);
    });
    client.end(PAYLOAD);
    for (let count = 1; count <= 3; count++) {
      while (stops < count) await busyTurns();
      const { bytes } = received;
      await busyTurns();
      expect([stops, received.bytes]).toEqual([count, bytes]);
      // What one read of a TLS socket had decrypted comes in several pieces.
      if (!isTls) expect(socket.readableLength).toBe(0);
      startReading(socket);
    }
    await received.ended;
    expect(received.bytes).toBe(PAYLOAD.length);
    expect(received.digest).toBe(expected);
  });

  test('FAULT-4: stopped between its data, a socket does not read the next chunk either', async () => {
    const [client, socket] = await pair(isTls);
    const received = new Received(socket, () => {});
    client.write(PAYLOAD.subarray(0, 10));
    while (received.bytes < 10) await busyTurns();
    stopReading(socket);
    stopReading(socket);
    await busyTurns();
    client.end(PAYLOAD.subarray(10));
    await busyTurns();
    expect([received.bytes, socket.readableLength]).toEqual([10, 0]);
    startReading(socket);
    await received.ended;
    expect(received.digest).toBe(expected);
  });
});

test('FAULT-4: one that is started again at once does not stop', async () => {
  const [client, socket] = await pair(false);
  const received = new Received(socket, () => {
    stopReading(socket);
    startReading(socket);
  });
  client.end(PAYLOAD);
  await received.ended;
  expect(received.digest).toBe(expected);
});

test('FAULT-4: one that was destroyed meanwhile is left alone', async () => {
  const [client, socket] = await pair(false);
  const closed = once(socket, 'close');
  socket.on('data', () => {
    stopReading(socket);
    socket.destroy();
    startReading(socket);
  });
  client.on('error', () => {});
  client.write('x');
  await closed;
  expect(socket.destroyed).toBe(true);
});

test('FAULT-4: another stream is paused', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stopReading(stream);
  stream.push('waits');
  await new Promise(setImmediate);
  expect(chunks).toEqual([]);
  startReading(stream);
  await new Promise(setImmediate);
  expect(Buffer.concat(chunks).toString()).toBe('waits');
});
