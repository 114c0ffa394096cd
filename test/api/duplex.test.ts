/** A connection as a Duplex of Node.js and as WHATWG streams: messages, backpressure, and the ways in which a connection ends. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { toDuplex } from '../../src/index.ts';
import { closeServers } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

describe('toDuplex', () => {
  test('a pipeline through toDuplex delivers all bytes of a file, and closes the connection with 1000 at the end of the file', async () => {
    const bytes = Buffer.alloc(3_000_000, 'abc');
    const { left, right } = await pair();
    const [received] = await Promise.all([
      buffer(toDuplex(right)),
      pipeline(
        Readable.from(
          [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)].flatMap((half) => {
            const parts: Buffer[] = [];
            for (let at = 0; at < half.length; at += 100_000) parts.push(half.subarray(at, at + 100_000));
            return parts;
          }),
        ),
        toDuplex(left),
      ),
    ]);
    expect(received.equals(bytes)).toBe(true);
    expect(await left.closed).toMatchObject({ code: 1000, wasClean: true });
  });

  test('toDuplex sends strings as text messages and bytes as binary messages, and with readableObjectMode each read returns a whole message', async () => {
    const { left, right } = await pair();
    const one = toDuplex(left).on('error', () => {});
    const other = toDuplex(right, { readableObjectMode: true });
    one.write('text');
    one.write(Buffer.from('bytes'));
    one.write('');
    one.write('6869', 'hex');
    const received: unknown[] = [];
    for await (const message of other) {
      received.push(message);
      if (received.length === 4) break;
    }
    expect(received).toEqual(['text', Buffer.from('bytes'), '', Buffer.from('hi')]);
    expect((await left.closed).code).toBe(1006);
  });

  test('without object mode, the Duplex skips empty messages and delivers text as UTF-8 bytes', async () => {
    const { left, right } = await pair();
    const read = buffer(toDuplex(right));
    for (const message of ['', 'é', '', Buffer.from('x')]) left.send(message);
    void left.close();
    expect((await read).toString()).toBe('éx');
  });

  test('if the reader of a Duplex stops reading, the writer at the other end has to wait', async () => {
    const { left, right } = await pair();
    const writer = toDuplex(left);
    const reader = toDuplex(right);
    let written = 0;
    const part = Buffer.alloc(65_536);
    const sent = pipeline(
      Readable.from(
        (function* () {
          for (; written < 640; written++) yield part;
        })(),
      ),
      writer,
    );
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(written).toBeLessThan(600);
    let size = 0;
    for await (const chunk of reader) size += chunk.length;
    await sent;
    expect(size).toBe(640 * 65_536);
  });

  test('after a clean close both directions of the Duplex end, and after a lost connection the Duplex emits an error', async () => {
    const clean = await pair();
    const duplex = toDuplex(clean.left);
    void clean.right.close(3000);
    duplex.resume();
    await once(duplex, 'close');
    expect([duplex.readableEnded, duplex.writableFinished, duplex.errored]).toEqual([true, true, null]);
    const lost = await pair({ error() {} });
    const cut = toDuplex(lost.left);
    const failed = once(cut, 'error');
    cut.resume();
    lost.right.terminate();
    expect((await failed)[0]).toMatchObject({ code: 'WS_CONNECTION_LOST' });
    expect(cut.destroyed).toBe(true);
  });

  test('if a connection is lost, its Duplex emits an error even if the application does not read', async () => {
    const { left, right } = await pair({ error() {} });
    const duplex = toDuplex(left);
    const failed = once(duplex, 'error');
    right.terminate();
    expect((await failed)[0]).toMatchObject({ code: 'WS_CONNECTION_LOST' });
    expect(duplex.destroyed).toBe(true);
  });

  test('if a Duplex is destroyed, its connection is dropped, and a write to the Duplex of a closed connection fails', async () => {
    const { left, right } = await pair();
    const duplex = toDuplex(left);
    duplex.destroy();
    expect((await right.closed).code).toBe(1006);
    const closed = await pair();
    const late = toDuplex(closed.left);
    late.on('error', () => {});
    closed.left.terminate();
    const outcome = new Promise((resolve) => late.write('late', resolve));
    expect(await outcome).toBeInstanceOf(Error);
  });

  test('toDuplex throws for invalid options, for a connection with a `message` handler, and for a second Duplex', async () => {
    const { left, right } = await pair({ message() {} });
    expect(() => toDuplex(left)).toThrow('go to its handler');
    expect(() => toDuplex(right, { objectMode: true } as object)).toThrow(
      'toDuplex has no option "objectMode"',
    );
    // When the test ends, the connection is dropped, and the Duplex emits an error.
    toDuplex(right).on('error', () => {});
    expect(() => toDuplex(right)).toThrow('being read already');
  });
});

describe('the properties `readable` and `writable`', () => {
  test('`readable` and `writable` carry messages, each property always returns the same object, and writer.close() closes the connection cleanly', async () => {
    const { left, right } = await pair();
    expect(left.readable).toBe(left.readable);
    expect(left.writable).toBe(left.writable);
    const writer = left.writable.getWriter();
    await writer.write('text');
    await writer.write(Buffer.from('bytes'));
    const received: unknown[] = [];
    const read = (async () => {
      for await (const message of right.readable) received.push(message);
    })();
    await writer.close();
    await read;
    expect(received).toEqual(['text', Buffer.from('bytes')]);
    expect(await right.closed).toMatchObject({ code: 1000, wasClean: true });
  });

  test('if `readable` of one connection is piped to `writable` of another, every message arrives in order', async () => {
    const first = await pair();
    const second = await pair();
    const piped = first.left.readable.pipeTo(second.right.writable as WritableStream<string | Buffer>);
    for (let count = 0; count < 50; count++) void first.right.write(`message ${count}`);
    void first.right.close();
    const received: unknown[] = [];
    for await (const message of second.left) received.push(message);
    await piped;
    expect(received).toHaveLength(50);
    expect(received.at(-1)).toBe('message 49');
  });

  test('readable.cancel() closes with 1000, writable.abort() drops the connection, and writer.closed rejects if the connection is lost', async () => {
    const one = await pair();
    await one.left.readable.cancel();
    expect((await one.right.closed).code).toBe(1000);
    const two = await pair();
    await two.left.writable.abort();
    expect((await two.right.closed).code).toBe(1006);
    const three = await pair({ error() {} });
    const writer = three.left.writable.getWriter();
    const ended = writer.closed.catch((error: Error) => error.message);
    three.right.terminate();
    expect(await ended).toContain('the connection is closed: 1006');
  });

  test('`isPaused` is true after pause() and false after resume(), and `socket` is the socket of the connection', async () => {
    const { left } = await pair();
    expect(left.isPaused).toBe(false);
    left.pause();
    expect(left.isPaused).toBe(true);
    left.resume();
    expect(left.isPaused).toBe(false);
    expect((left.socket as unknown as { remotePort: number }).remotePort).toBe(left.remotePort);
    await until(() => left.state === 'open');
  });
});
