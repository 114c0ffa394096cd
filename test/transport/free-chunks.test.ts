/**
 * Tests that the memory of a received chunk is released immediately if Node supports this. The memory stays while a message or another
 * listener uses it.
 */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { connect, WebSocketServer } from '../../src/index.ts';

test.each([true, false])(
  "received messages stay unchanged when chunks are released (the socket has another 'data' listener: %s)",
  async (listens) => {
    const chunks: Buffer[] = [];
    const received: Buffer[] = [];
    const server = new WebSocketServer({
      upgrade: ({ socket }) => {
        if (listens) socket!.on('data', (chunk: Buffer) => chunks.push(chunk));
        return {};
      },
      message: (connection, message) => {
        received.push(message as Buffer);
        connection.send(message);
      },
    });
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
    const echoed: Buffer[] = [];
    const sizes = [70_000, 10, 20_000, 300_000, 30_000, 5000, 1_000_000, 40_000];
    const sent = sizes.map((size) => randomBytes(size));
    const client = await connect(`ws://127.0.0.1:${port}`, {
      handlers: {
        message: (connection, message) => {
          echoed.push(message as Buffer);
          if (echoed.length === sent.length) void connection.close();
        },
      },
    });
    for (const message of sent) client.send(message);
    await client.closed;
    expect(received.map((message, index) => message.equals(sent[index]!))).toEqual(sent.map(() => true));
    expect(echoed.map((message, index) => message.equals(sent[index]!))).toEqual(sent.map(() => true));
    expect(chunks.filter(({ length }) => length === 0)).toEqual([]);
    expect(chunks.length > 0).toBe(listens);
    await server.shutdown();
  },
);
