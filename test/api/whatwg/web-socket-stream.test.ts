/** Tests `WebSocketStream` (an explainer describes this class): `opened`, `closed`, the streams, close codes, and failed attempts. */
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, HandshakeError } from '../../../src/index.ts';
import { WebSocketError, WebSocketStream } from '../../../src/websocket.ts';
import { closeServers, startServer } from '../../transport/servers.ts';

afterEach(closeServers);

async function open(options: ConstructorParameters<typeof WebSocketStream>[1] = {}) {
  let opened: (connection: Connection) => void = () => {};
  const connected = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const { url } = await startServer(
    {
      open: (connection) => opened(connection),
      message: (connection, message) => void connection.send(message),
      error() {},
    },
    { subprotocols: ['chat'], compression: true },
  );
  const stream = new WebSocketStream(url.replace('localhost', '127.0.0.1'), options);
  return { stream, info: await stream.opened, connection: await connected };
}

test('`opened` resolves with the negotiated values, and messages pass through both streams', async () => {
  const { stream, info } = await open({ protocols: ['chat'], compression: true });
  expect(info.protocol).toBe('chat');
  expect(info.extensions).toContain('permessage-deflate');
  expect(stream.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/$/);
  const writer = info.writable.getWriter();
  const reader = info.readable.getReader();
  await writer.write('text');
  expect(await reader.read()).toEqual({ done: false, value: 'text' });
  await writer.write(new Uint8Array([1, 2]));
  const { value } = await reader.read();
  expect(Buffer.isBuffer(value)).toBe(false);
  expect(value).toEqual(new Uint8Array([1, 2]));
  // This memory contains no bytes of other messages, so the reader may transfer it.
  expect((value as Uint8Array).buffer.byteLength).toBe(2);
  stream.close({ closeCode: 3000, reason: 'done' });
  expect(await stream.closed).toEqual({ closeCode: 3000, reason: 'done' });
  expect(await reader.read()).toEqual({ done: true, value: undefined });
});

describe('closing', () => {
  test.each([
    ['no code', {}, 1005, ''],
    ['a code', { closeCode: 4999 }, 4999, ''],
    ['a reason, which is sent with the code 1000', { reason: 'why' }, 1000, 'why'],
  ] as const)(
    '`closed` resolves with the code and reason that close() has sent: %s',
    async (_, closeInfo, closeCode, reason) => {
      const { stream } = await open();
      stream.close(closeInfo);
      expect(await stream.closed).toEqual({ closeCode, reason });
    },
  );

  test('close() throws for an invalid code or reason', async () => {
    const { stream } = await open();
    for (const closeCode of [1001, 2999, 5000]) {
      expect(() => stream.close({ closeCode })).toThrow(
        expect.objectContaining({ name: 'InvalidAccessError' }),
      );
      expect(() => new WebSocketError('', { closeCode })).toThrow(
        expect.objectContaining({ name: 'InvalidAccessError' }),
      );
    }
    expect(() => stream.close({ reason: 'x'.repeat(124) })).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });

  test('the connection closes if a program closes `writable`, cancels `readable`, or aborts `writable`', async () => {
    const one = await open();
    await one.info.writable.close();
    expect(await one.stream.closed).toEqual({ closeCode: 1005, reason: '' });
    const two = await open();
    await two.info.readable.cancel(new WebSocketError('', { closeCode: 3001, reason: 'enough' }));
    expect(await two.connection.closed).toMatchObject({ code: 3001, reason: 'enough' });
    const three = await open();
    await three.info.writable.abort('anything');
    expect(await three.connection.closed).toMatchObject({ code: 1005 });
  });

  test('if a connection fails, a pipe closes the other connection, even if the code of the failure must not be sent', async () => {
    const one = await open();
    const other = await open();
    const piped = one.info.readable.pipeTo(other.info.writable);
    one.connection.terminate();
    await expect(piped).rejects.toMatchObject({ name: 'WebSocketError', closeCode: 1006 });
    expect(await other.connection.closed).toMatchObject({ code: 1005, wasClean: true });
    const third = await open();
    await third.info.readable.cancel(await one.stream.closed.catch((error: unknown) => error));
    expect(await third.connection.closed).toMatchObject({ code: 1005, wasClean: true });
  });

  test('if a connection does not end cleanly, both streams and `closed` reject with a WebSocketError', async () => {
    const { stream, info, connection } = await open();
    const writer = info.writable.getWriter();
    const read = info.readable.getReader().read();
    connection.terminate();
    for (const end of [stream.closed, read, writer.closed]) {
      await expect(end).rejects.toMatchObject({ name: 'WebSocketError', closeCode: 1006, reason: '' });
      await expect(end).rejects.toBeInstanceOf(WebSocketError);
    }
  });
});

describe('connections that cannot be opened', () => {
  test('the constructor throws a SyntaxError for an invalid URL or subprotocol', () => {
    expect(() => new WebSocketStream('foo:bar')).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    expect(() => new WebSocketStream('ws://a/', { protocols: ['a', 'a'] })).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });

  test('if the connection attempt fails, `opened` and `closed` reject with an error that has the failure as its `cause`', async () => {
    const stream = new WebSocketStream('ws://127.0.0.1:1');
    const error = await stream.opened.catch((reason: unknown) => reason as WebSocketError);
    expect(error).toMatchObject({ name: 'WebSocketError' });
    expect((error as WebSocketError).cause).toBeInstanceOf(HandshakeError);
    await expect(stream.closed).rejects.toBe(error);
  });

  test('if a signal aborts, `opened` and `closed` reject with the reason of the signal; after close(), `opened` rejects with a WebSocketError', async () => {
    const { url } = await startServer({ upgrade: () => new Promise<undefined>(() => {}) });
    const aborter = new AbortController();
    const stream = new WebSocketStream(url, { signal: aborter.signal });
    const reason = new Error('enough');
    aborter.abort(reason);
    await expect(stream.opened).rejects.toBe(reason);
    await expect(stream.closed).rejects.toBe(reason);
    const closing = new WebSocketStream(url);
    closing.close();
    await expect(closing.opened).rejects.toBeInstanceOf(WebSocketError);
  });

  test.each(['close', 'signal'] as const)(
    'with %s, a program can end the connection at any moment shortly before or after the 101 response arrives',
    async (how) => {
      let ended: (code: number) => void = () => {};
      const { url } = await startServer({ close: (_connection, code) => ended(code), refused() {} });
      const port = Number(new URL(url).port);
      const outcomes = new Set<string>();
      // There are several microtasks between the arrival of the 101 response and `opened`. Each round of the loop waits for one more
      // microtask before it ends the connection.
      for (let steps = 0; steps < 40; steps++) {
        const serverClosed = new Promise<number>((resolve) => {
          ended = resolve;
        });
        const socket = connectTcp(port, '127.0.0.1');
        const aborter = new AbortController();
        const stream = new WebSocketStream(url, { socket, signal: aborter.signal });
        let isOpen = false;
        stream.opened.then(
          () => {
            isOpen = true;
          },
          () => {},
        );
        await new Promise<void>((resolve) => socket.once('data', () => resolve()));
        for (let step = 0; step < steps; step++) await null;
        const wasOpen = isOpen;
        if (how === 'close') stream.close({ closeCode: 3001 });
        else aborter.abort(new Error('enough'));
        const outcome = await stream.opened.then(
          () => 'open',
          (error: Error) => error.name,
        );
        if (how === 'signal' && outcome === 'open') stream.close({ closeCode: 3001 });
        const closed = await stream.closed.then(
          ({ closeCode }) => closeCode,
          (error: Error) => error.name,
        );
        expect(closed).toBe(outcome === 'open' ? 3001 : outcome);
        if (wasOpen) expect(outcome).toBe('open');
        outcomes.add(outcome);
        expect([3001, 1005, 1006]).toContain(await serverClosed);
      }
      expect(outcomes).toEqual(new Set([how === 'close' ? 'WebSocketError' : 'Error', 'open']));
    },
  );
});
