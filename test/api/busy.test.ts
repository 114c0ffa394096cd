/** Our client and our server send at the same time. Neither blocks the other, and no message is lost in either direction. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { Connection } from '../../src/api/connection.ts';
import { ca, closeServers, type Kind, startServer } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

const MIB = 1_048_576;

afterEach(closeServers);

function filled(seed: number): Buffer {
  const bytes = Buffer.alloc(16 * MIB);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeInt32LE((at * 2_654_435_761 + seed) | 0, at);
  return bytes;
}

describe.each<Kind>(['listen', 'listen over TLS'])('%s', (kind) => {
  test('if two endpoints send each other 16 MiB at the same time, each endpoint receives all bytes', async () => {
    const [ours, theirs] = [filled(1), filled(2)];
    let atServer: Buffer | null = null;
    let atClient: Buffer | null = null;
    const { url } = await startServer(
      {
        open: (connection) => connection.send(ours),
        message: (_, message) => {
          atServer = message as Buffer;
        },
      },
      { maxMessageSize: 16 * MIB },
      kind,
    );
    const connection = await connect(url.replace('localhost', '127.0.0.1'), {
      tls: { ca },
      handlers: {
        open: (client) => client.send(theirs),
        message: (_, message) => {
          atClient = message as Buffer;
        },
      },
    });
    await until(() => atServer !== null && atClient !== null);
    expect(atServer!.equals(theirs)).toBe(true);
    expect(atClient!.equals(ours)).toBe(true);
    expect(await connection.close()).toMatchObject({ code: 1000, wasClean: true });
  }, 60_000);
});

describe('100,000 small messages that are sent in one loop', () => {
  const COUNT = 100_000;

  /** Counts the messages, and throws at the first message that is out of order. */
  function counter(): { take(message: string | Buffer): void; count(): number } {
    let count = 0;
    return {
      take: (message) => {
        if (message !== `message ${count}`)
          throw new Error(`${String(message)} in place of message ${count}`);
        count++;
      },
      count: () => count,
    };
  }

  function sendAll(connection: Connection): void {
    for (let index = 0; index < COUNT; index++) connection.send(`message ${index}`);
  }

  test('all messages of a client arrive at the server', async () => {
    const received = counter();
    const { right } = await pair({ message: (_, message) => received.take(message) });
    sendAll(right);
    await until(() => received.count() === COUNT);
    expect(await right.close()).toMatchObject({ code: 1000, wasClean: true });
  }, 60_000);

  test('all messages of a server arrive at a client, in the `message` handler or in a loop', async () => {
    const received = counter();
    const one = await pair({}, {}, { handlers: { message: (_, message) => received.take(message) } });
    sendAll(one.left);
    await until(() => received.count() === COUNT);
    await one.right.close();

    const looped = counter();
    const two = await pair();
    sendAll(two.left);
    for await (const message of two.right) {
      looped.take(message);
      if (looped.count() === COUNT) break;
    }
    expect(await two.left.closed).toMatchObject({ code: 1000, wasClean: true });
  }, 60_000);

  test('all messages arrive if both ends send at the same time, or if a server echoes each message', async () => {
    const atServer = counter();
    const atClient = counter();
    const { left, right } = await pair(
      { message: (_, message) => atServer.take(message) },
      {},
      { handlers: { message: (_, message) => atClient.take(message) } },
    );
    sendAll(left);
    sendAll(right);
    await until(() => atServer.count() === COUNT && atClient.count() === COUNT);
    await right.close();

    const echoed = counter();
    const echo = await pair(
      { message: (connection, message) => connection.send(message) },
      {},
      { handlers: { message: (_, message) => echoed.take(message) } },
    );
    sendAll(echo.right);
    await until(() => echoed.count() === COUNT);
    await echo.right.close();
  }, 60_000);
});

test('500 idle connections open and close, and the test prints the memory of one connection', async () => {
  const { server, url } = await startServer({ message() {} });
  const address = url.replace('localhost', '127.0.0.1');
  const opened: Connection[] = [];
  // These connections fill the buffer pools and make V8 compile the code. The measurement starts after this loop.
  for (let index = 0; index < 50; index++)
    opened.push(await connect(address, { handlers: { message() {} } }));
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage();
  for (let batch = 0; batch < 5; batch++) {
    opened.push(
      ...(await Promise.all(
        Array.from({ length: 100 }, () => connect(address, { handlers: { message() {} } })),
      )),
    );
  }
  await until(() => server.connections.size === 550);
  collect();
  const after = process.memoryUsage();
  const each = (name: 'rss' | 'heapUsed' | 'arrayBuffers'): string =>
    ((after[name] - before[name]) / 500 / 1024).toFixed(1);
  console.log(
    `one idle connection, both of its ends in this process: RSS ${each('rss')} KiB, heap ${each('heapUsed')} KiB, buffers ${each('arrayBuffers')} KiB`,
  );
  for (const connection of opened) connection.terminate();
  await until(() => server.connections.size === 0);
}, 60_000);
