/**
 * A `message` handler sends small texts. The library encodes them together after the handler has returned. These tests check, with real
 * sockets, that an application does not notice this.
 */
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Connection } from '../../src/index.ts';
import { closeServers } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

/** Opens two connections. The right one sends a text, and `act` is the handler of the left one. Resolves when the left one is closed. */
async function inHandler(act: (connection: Connection) => unknown): Promise<(string | Buffer)[]> {
  const received: (string | Buffer)[] = [];
  let isDone = false;
  const { right } = await pair(
    {
      async message(connection) {
        await act(connection);
        isDone = true;
      },
    },
    {},
    { handlers: { message: (_connection, message) => void received.push(message) } },
  );
  right.send('question');
  await until(() => isDone);
  await right.close();
  return received;
}

test('inside a `message` handler, lastWireSize is the size of the last text in UTF-8', async () => {
  const sizes: number[] = [];
  const received = await inHandler((connection) => {
    for (const text of ['abc', '', 'é', '€€', 'x'.repeat(125), 'é'.repeat(125), 'x'.repeat(126)]) {
      connection.send(text);
      sizes.push(connection.lastWireSize);
    }
    connection.send('one');
    connection.send('éé');
    sizes.push(connection.lastWireSize, connection.lastWireSize);
  });
  expect(sizes).toEqual([3, 0, 2, 6, 125, 250, 126, 4, 4]);
  expect(received.length).toBe(9);
});

test('after a `message` handler has returned, lastWireSize is still the size of the last text', async () => {
  const sizes: number[] = [];
  await inHandler(async (connection) => {
    connection.send('abc');
    connection.send('é');
    await Promise.resolve();
    sizes.push(connection.lastWireSize);
    connection.send('€');
    sizes.push(connection.lastWireSize);
  });
  expect(sizes).toEqual([2, 3]);
});

test('inside a `message` handler, bufferedAmount counts the bytes of small texts, and flush writes them to the socket', async () => {
  const amounts: number[] = [];
  await inHandler((connection) => {
    const socket = connection.socket as Socket;
    const before = socket.bytesWritten;
    connection.send('é');
    connection.send('abc');
    amounts.push(connection.bufferedAmount);
    connection.send('d');
    connection.flush();
    amounts.push(connection.bufferedAmount, socket.bytesWritten - before);
  });
  // A frame of the server has a header of 2 bytes.
  expect(amounts).toEqual([9, 0, 12]);
});

test('messages arrive in the order in which a `message` handler sent them, whatever their kind', async () => {
  const texts = ['a', 'é', 'x'.repeat(125), 'x'.repeat(126), '', '😀', 'y'.repeat(5000), 'last'];
  const received = await inHandler(async (connection) => {
    for (const text of texts) {
      connection.send(text);
      connection.send(Buffer.from(text));
      connection.send(text, { fragmentSize: 7 });
      connection.ping('ping');
    }
    const written = connection.write('written');
    connection.send('after it');
    await written;
  });
  const expected = texts.flatMap((text) => [text, Buffer.from(text), text]);
  expect(received).toEqual([...expected, 'written', 'after it']);
});

test('if a `message` handler sends small texts and then closes the connection, the peer receives the texts before the Close frame', async () => {
  const received = await inHandler((connection) => {
    connection.send('one');
    connection.send('two');
    void connection.close(1000);
    expect(connection.send('three')).toBe(false);
  });
  expect(received).toEqual(['one', 'two']);
});
