/** FAULT-4: the memory budget counts the bytes of a connection as long as the library holds these bytes. */
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { Connection } from '../../src/api/connection.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { frame, Op } from '../transport/wire.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

const KIB = 1024;

const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test('FAULT-4: if many peers do not read a broadcast message, the bytes of the message count only once in the memory budget', async () => {
  const memoryBudget = new MemoryBudget();
  const { server, url } = await startServer({}, { memoryBudget });
  const clients: Connection[] = [];
  for (let peer = 0; peer < 20; peer++) {
    const client = await connect(url.replace('localhost', '127.0.0.1'), { handlers: { message() {} } });
    client.pause();
    clients.push(client);
  }
  await until(() => server.connections.size === 20);
  // These are more bytes than the kernel holds for each connection.
  const frame = Buffer.alloc(64 * KIB, 1);
  let broadcasts = 0;
  const waiting = (): number =>
    [...server.connections].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
  while (waiting() < 20 * 10 * frame.length && broadcasts < 2000) {
    server.broadcast(frame);
    broadcasts++;
    await new Promise(setImmediate);
  }
  expect(waiting()).toBeGreaterThanOrEqual(20 * 10 * frame.length);
  expect(memoryBudget.used).toBeLessThan((broadcasts + 20) * (frame.length + 100));
  expect(memoryBudget.used).toBeLessThan(waiting() / 4);
  for (const client of clients) client.terminate();
  await until(() => server.connections.size === 0);
  expect(memoryBudget.used).toBe(0);
});

test('FAULT-4: the memory budget counts the messages that wait for a loop, and the message that the body of the loop uses', async () => {
  const memoryBudget = new MemoryBudget();
  const { left, right } = await pair({}, { memoryBudget });
  const message = Buffer.alloc(20 * KIB, 1);
  for (let count = 0; count < 3; count++) right.send(message);
  await until(() => memoryBudget.used >= 3 * message.length);
  expect(memoryBudget.used).toBe(3 * (message.length + 128));
  const loop = left[Symbol.asyncIterator]();
  for (let rest = 3; rest > 0; rest--) {
    await loop.next();
    expect(memoryBudget.used).toBe(rest * (message.length + 128));
  }
  const fourth = loop.next();
  expect(memoryBudget.used).toBe(0);
  right.send(message);
  await fourth;
  expect(memoryBudget.used).toBe(message.length + 128);
  await loop.return?.();
  expect(memoryBudget.used).toBe(0);
  right.terminate();
});

test('FAULT-4: many connections with slow loops are read in turns, and every message arrives', async () => {
  const memoryBudget = new MemoryBudget(1024 * KIB);
  const sizes: number[] = [];
  let used = 0;
  const { url } = await startServer(
    {
      async open(connection) {
        for await (const message of connection) {
          used = Math.max(used, memoryBudget.used);
          await turns();
          sizes.push(message.length);
        }
      },
    },
    { memoryBudget, maxMessageSize: 300 * KIB },
  );
  const clients = await Promise.all(
    Array.from({ length: 10 }, () =>
      connect(url.replace('localhost', '127.0.0.1'), { handlers: { message() {} } }),
    ),
  );
  for (const client of clients)
    for (let count = 0; count < 5; count++) client.send(Buffer.alloc(300 * KIB, count));
  await until(() => sizes.length === 50);
  expect(sizes.every((size) => size === 300 * KIB)).toBe(true);
  // The limit is the budget, one chunk for each connection, and one message. This message can be in a chunk of double size.
  expect(used).toBeLessThan(1024 * KIB + 10 * 128 * KIB + 2 * 300 * KIB);
  await Promise.all(
    clients.map((client) => {
      client.close(1000);
      return client.closed;
    }),
  );
  expect(memoryBudget.used).toBe(0);
});

test('FAULT-4: if the application pauses a connection, the memory budget counts the data that has already been read', async () => {
  const memoryBudget = new MemoryBudget();
  const received: number[] = [];
  const { right, left } = await pair(
    {
      message(connection, message) {
        received.push(message.length);
        if (received.length === 1) connection.pause();
      },
    },
    { memoryBudget },
  );
  right.send(Buffer.alloc(3 * KIB));
  right.send(Buffer.alloc(3 * KIB));
  await until(() => received.length === 1);
  expect(memoryBudget.used).toBeGreaterThanOrEqual(3 * KIB);
  left.resume();
  await until(() => received.length === 2);
  expect(memoryBudget.used).toBe(0);
  right.terminate();
});

test('FAULT-4: the memory budget counts a compressed message from the start of its inflation until its delivery', async () => {
  const memoryBudget = new MemoryBudget();
  const text = Array.from({ length: 40_000 }, (_, index) => `${index * 7919}`).join(' ');
  let length = 0;
  const { right } = await pair(
    {
      message(_connection, message) {
        length = message.length;
      },
    },
    { memoryBudget, compression: true },
    { compression: true, memoryBudget: new MemoryBudget() },
  );
  right.send(text);
  let most = 0;
  while (length === 0) {
    most = Math.max(most, memoryBudget.used);
    await new Promise(setImmediate);
  }
  expect(length).toBe(text.length);
  expect(most).toBeGreaterThan(50 * KIB);
  expect(memoryBudget.used).toBe(0);
  right.terminate();
});

test('FAULT-4: large messages are delivered even if 200 other peers have sent only the beginning of a small message', async () => {
  const memoryBudget = new MemoryBudget(1024 * KIB);
  const errors: string[] = [];
  const received: number[] = [];
  const { peer, url } = await startServer(
    {
      message: (_connection, message) => void received.push(message.length),
      error: (_connection, { code }: Error & { code?: string }) => void errors.push(code ?? ''),
    },
    { memoryBudget, maxMessageSize: 512 * KIB },
  );
  const small = await Promise.all(Array.from({ length: 200 }, () => peer().open()));
  for (const raw of small) raw.write(frame(Op.Binary, Buffer.alloc(4 * KIB), { fin: false }));
  await until(() => memoryBudget.used >= 200 * 4 * KIB);
  const honest = await Promise.all(
    Array.from({ length: 5 }, () => connect(url.replace('localhost', '127.0.0.1'))),
  );
  // Each of these messages is larger than the free part of the budget.
  for (const client of honest) client.send(Buffer.alloc(500 * KIB));
  await until(() => received.length === honest.length);
  expect(received).toEqual(honest.map(() => 500 * KIB));
  expect(honest.map(({ state }) => state)).toEqual(honest.map(() => 'open'));
  // To free memory, the library has closed connections with unfinished messages.
  expect(new Set(errors)).toEqual(new Set(['WS_MEMORY_BUDGET']));
  for (const client of honest) client.terminate();
});
