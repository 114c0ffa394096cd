/**
 * Tests clients that read into the same memory. Their data must not mix, and a pause must stop the reading. The socket must emit the same
 * events as with separate memory.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect as connectClient, WebSocketServer } from '../../src/index.ts';
import { connectShared, readShared } from '../../src/transport/shared-reading.ts';
import { ownSocket, readSocket } from '../../src/transport/socket-owner.ts';
import { closeScripted, scripted } from './scripted.ts';

describe('a socket that reads into shared memory', () => {
  let server: Server;
  let port: number;
  let accepted: Socket[];

  beforeEach(async () => {
    accepted = [];
    server = createServer((socket) => {
      socket.on('error', () => {});
      accepted.push(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as { port: number });
  });

  afterEach(async () => {
    for (const socket of accepted) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  async function pair(): Promise<[Socket, Socket]> {
    const socket = connectShared({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    await once(socket, 'connect');
    await vi.waitFor(() => expect(accepted.length).toBeGreaterThan(0));
    return [socket, accepted.shift()!];
  }

  test("the socket emits copies in its 'data' events until it has a reader, and keeps data during a pause", async () => {
    const [socket, peer] = await pair();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    peer.write('one');
    await vi.waitFor(() => expect(chunks).toHaveLength(1));
    socket.pause();
    peer.write('two');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(chunks).toHaveLength(1);
    socket.resume();
    await vi.waitFor(() => expect(Buffer.concat(chunks).toString()).toBe('onetwo'));
    socket.destroy();
    peer.destroy();
  });

  test('all sockets pass views of the same memory to their readers', async () => {
    const memories = new Set<ArrayBufferLike>();
    const texts: string[] = [];
    const sockets: Socket[] = [];
    for (const name of ['a', 'b', 'c']) {
      const [socket, peer] = await pair();
      readShared(socket, {
        onData(chunk, isBorrowed) {
          memories.add(chunk.buffer);
          texts.push(`${chunk} ${isBorrowed}`);
        },
      });
      peer.write(name);
      sockets.push(socket, peer);
    }
    await vi.waitFor(() => expect(texts.sort()).toEqual(['a true', 'b true', 'c true']));
    expect(memories.size).toBe(1);
    for (const socket of sockets) socket.destroy();
  });

  test("the socket emits copies while it has another 'data' listener, and passes views again when this listener is removed", async () => {
    const [socket, peer] = await pair();
    const received: string[] = [];
    readSocket(socket);
    const owner = {
      onData: (chunk: Buffer, isBorrowed = false) => void received.push(`${chunk} ${isBorrowed}`),
    };
    ownSocket(socket, { ...owner, onEnd: () => {}, onError: () => {}, onClose: () => {} });
    readShared(socket, owner);
    const kept: Buffer[] = [];
    const listener = (chunk: Buffer): void => void kept.push(chunk);
    socket.on('data', listener);
    for (const text of ['one', 'two']) {
      peer.write(text);
      await vi.waitFor(() => expect(received.at(-1)).toContain(text));
    }
    socket.off('data', listener);
    peer.write('three');
    await vi.waitFor(() => expect(received).toEqual(['one false', 'two false', 'three true']));
    expect(kept.map(String)).toEqual(['one', 'two']);
    socket.destroy();
    peer.destroy();
  });

  test('the socket reads nothing after its reader has paused it, and continues after resume', async () => {
    const [socket, peer] = await pair();
    let received = 0;
    readShared(socket, {
      onData(chunk) {
        received += chunk.length;
        socket.pause();
      },
    });
    const total = 4_000_000;
    peer.write(Buffer.alloc(total));
    await vi.waitFor(() => expect(received).toBeGreaterThan(0));
    const before = received;
    expect(before).toBeLessThanOrEqual(65_536);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(received).toBe(before);
    expect(socket.bytesRead).toBe(before);
    while (received < total) {
      socket.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(received).toBe(total);
    socket.destroy();
    peer.destroy();
  });

  test("the socket emits 'end' after the last chunk, and 'close' after a reset", async () => {
    const [socket, peer] = await pair();
    const events: string[] = [];
    readShared(socket, { onData: (chunk) => void events.push(String(chunk)) });
    socket.on('end', () => events.push('end'));
    peer.end('last');
    await vi.waitFor(() => expect(events).toEqual(['last', 'end']));
    socket.end();
    await once(socket, 'close');
    const [other, otherPeer] = await pair();
    readShared(other, { onData: () => {} });
    other.on('close', () => events.push('close'));
    otherPeer.resetAndDestroy();
    await vi.waitFor(() => expect(events).toEqual(['last', 'end', 'close']));
  });
});

describe('clients that read into shared memory', () => {
  afterEach(closeScripted);

  test('all clients receive their own messages unchanged: small and large, text and binary, with pauses', async () => {
    const server = new WebSocketServer({
      message: (connection, message) => connection.send(message),
    });
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
    const sizes = [1, 100, 70_000, 10, 20_000, 300_000, 5000, 1_000_000, 40_000];
    const clients = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const received: (string | Buffer)[] = [];
        const client = await connectClient(`ws://127.0.0.1:${port}`, {
          handlers: {
            message: (connection, message) => {
              received.push(message as string | Buffer);
              if (received.length % 5 === index % 5) {
                connection.pause();
                setTimeout(() => connection.resume(), 1);
              }
              if (received.length === sent.length) void connection.close();
            },
          },
        });
        const sent = sizes.map((size, at) => {
          const bytes = Buffer.alloc(size, `${index}:${at} `);
          return at % 2 === 0 ? bytes : bytes.toString('latin1');
        });
        for (const message of sent) client.send(message);
        return { client, sent, received };
      }),
    );
    for (const { client } of clients) await client.closed;
    for (const { sent, received } of clients) {
      expect(
        received.map((message, at) => Buffer.from(message as string).equals(Buffer.from(sent[at] as string))),
      ).toEqual(sizes.map(() => true));
    }
    await server.shutdown();
  });

  test('frames that follow the 101 are received wherever TCP cuts the bytes', async () => {
    const frames = Buffer.from('\x81\x05Hello\x82\x03abc\x88\x02\x03\xe8', 'latin1');
    for (let cut = 0; cut <= frames.length; cut++) {
      const { port } = await scripted(({ socket, accept }) => {
        const bytes = Buffer.concat([Buffer.from(accept()), frames]);
        const place = bytes.length - frames.length + cut;
        // The client answers the Close frame. Then the server ends TCP.
        socket.on('data', () => socket.end());
        socket.write(bytes.subarray(0, place));
        setImmediate(() => setImmediate(() => socket.write(bytes.subarray(place))));
      });
      const received: string[] = [];
      const client = await connectClient(`ws://127.0.0.1:${port}`, {
        handlers: { message: (_, message) => void received.push(String(message)) },
      });
      const { code } = await client.closed;
      expect([code, received]).toEqual([1000, ['Hello', 'abc']]);
      await closeScripted();
    }
  });
});
