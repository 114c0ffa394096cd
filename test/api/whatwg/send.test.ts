/**
 * Tests `send()` and `bufferedAmount` of `WebSocket`: WebSockets Standard; Web IDL, union types; RFC 6455 §6.1. Messages leave in the order
 * of the calls, even if some of them are Blobs.
 */
import { openAsBlob, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { WebSocket } from '../../../src/websocket.ts';
import { closeFrame, codeOf, Op } from '../../transport/wire.ts';
import { closeAll, message, rawServer, task, thrownBy, watch } from './harness.ts';

afterEach(closeAll);

async function opened(...options: unknown[]) {
  const server = await rawServer();
  const { socket, events } = watch(server.url, [], ...(options as []));
  await events.opened();
  return { socket, events, peer: await server.peer };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Waits for `count` frames at the server. @returns the messages, and the code of a Close frame */
async function received({ peer }: Opened, count: number): Promise<unknown[]> {
  await peer.until(() => peer.frames.length >= count);
  return peer.frames.map((one) => {
    if (one.opcode === Op.Text) return one.payload.toString();
    return one.opcode === Op.Close ? codeOf(one) : one.payload;
  });
}

function call(socket: WebSocket, ...given: unknown[]): string {
  return thrownBy(() => (socket.send as (...given: unknown[]) => void).apply(socket, given));
}

/** Waits for some tasks of the event loop. By then, all bytes that the socket accepts have left the process. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await task();
}

describe('values that a program can send', () => {
  test('send() sends a string, even an empty string, as a text message in UTF-8', async () => {
    const one = await opened();
    for (const text of ['', 'a', 'Grüße 😀', 'x'.repeat(70_000)]) one.socket.send(text);
    expect(await received(one, 4)).toEqual(['', 'a', 'Grüße 😀', 'x'.repeat(70_000)]);
  });

  test('send() replaces unpaired surrogates in a string by U+FFFD', async () => {
    const one = await opened();
    one.socket.send('a\ud800b\udc00');
    one.socket.send('\ude00\ud83d');
    expect(await received(one, 2)).toEqual(['a\ufffdb\ufffd', '\ufffd\ufffd']);
  });

  test('send() converts values of all other types to strings', async () => {
    const one = await opened();
    for (const value of [null, undefined, 1.5, true, ['a', 'b'], {}, 7n, { toString: () => 'own' }]) {
      expect(call(one.socket, value)).toBe('');
    }
    expect(await received(one, 8)).toEqual([
      'null',
      'undefined',
      '1.5',
      'true',
      'a,b',
      '[object Object]',
      '7',
      'own',
    ]);
  });

  test('send() throws without an argument, and for an argument that cannot be converted to a string', async () => {
    const one = await opened();
    expect(call(one.socket)).toBe('TypeError');
    expect(call(one.socket, Symbol('x'))).toBe('TypeError');
    const failing = {
      toString() {
        throw new RangeError('own');
      },
    };
    expect(call(one.socket, failing)).toBe('RangeError');
    one.socket.send('only this');
    expect(await received(one, 1)).toEqual(['only this']);
  });

  test('send() sends all bytes of an ArrayBuffer, and exactly the bytes of a view, as a binary message', async () => {
    const one = await opened();
    const bytes = Uint8Array.from({ length: 16 }, (_, n) => n);
    one.socket.send(bytes.buffer);
    one.socket.send(new Uint8Array(bytes.buffer, 2, 3));
    one.socket.send(new Uint16Array(bytes.buffer, 2, 3));
    one.socket.send(new Float64Array(bytes.buffer, 8));
    one.socket.send(new DataView(bytes.buffer, 15));
    one.socket.send(Buffer.from('buffer'));
    one.socket.send(new ArrayBuffer(0));
    const whole = Buffer.from(bytes);
    expect(await received(one, 7)).toEqual([
      whole,
      whole.subarray(2, 5),
      whole.subarray(2, 8),
      whole.subarray(8),
      whole.subarray(15),
      Buffer.from('buffer'),
      Buffer.alloc(0),
    ]);
  });

  test('send() throws a TypeError for shared or resizable memory, and sends detached memory as an empty message', async () => {
    const one = await opened();
    const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
    const resizable = new Resizable(4, { maxByteLength: 8 });
    for (const value of [
      new SharedArrayBuffer(4),
      new Uint8Array(new SharedArrayBuffer(4)),
      resizable,
      new Uint8Array(resizable),
    ]) {
      expect(call(one.socket, value)).toBe('TypeError');
    }
    const detached = new ArrayBuffer(4);
    const view = new Uint8Array(detached);
    structuredClone(detached, { transfer: [detached] });
    one.socket.send(detached);
    one.socket.send(view);
    expect(await received(one, 2)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  });

  test('send() sends the bytes as they were during the call, even if the program changes them later', async () => {
    for (const size of [10, 100_000]) {
      const one = await opened();
      const bytes = new Uint8Array(size).fill(1);
      one.socket.send(bytes);
      bytes.fill(2);
      await received(one, 1);
      expect(one.peer.frames[0]!.payload.equals(Buffer.alloc(size, 1))).toBe(true);
    }
  });

  test('send() returns undefined', async () => {
    const { socket } = await opened();
    expect(socket.send('x')).toBeUndefined();
  });
});

describe('send() in each state', () => {
  test('in the state CONNECTING, send() converts its argument and then throws an InvalidStateError', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    expect(call(socket, 'x')).toBe('InvalidStateError');
    expect(call(socket)).toBe('TypeError');
    expect(call(socket, Symbol('x'))).toBe('TypeError');
    expect(socket.bufferedAmount).toBe(0);
    await events.opened();
  });

  test('in the states CLOSING and CLOSED, send() sends nothing and only increases bufferedAmount', async () => {
    const one = await opened();
    one.socket.close();
    expect(call(one.socket, 'abc')).toBe('');
    expect(one.socket.bufferedAmount).toBe(3);
    one.socket.send(Uint8Array.of(1, 2));
    one.socket.send(new Blob(['xyz!']));
    expect(one.socket.bufferedAmount).toBe(9);
    expect(await received(one, 1)).toEqual([1005]);
    one.peer.write(closeFrame(null, '', { mask: false })).socket.end();
    await one.events.closed();
    expect(one.socket.bufferedAmount).toBe(9);
    expect(call(one.socket, 'ü')).toBe('');
    expect(one.socket.bufferedAmount).toBe(11);
    await settle();
    expect(one.socket.bufferedAmount).toBe(11);
  });
});

describe('bufferedAmount', () => {
  test('bufferedAmount counts the bytes of the payload without frame headers, and text counts as UTF-8', async () => {
    const { socket } = await opened();
    socket.send('Grüße');
    expect(socket.bufferedAmount).toBe(7);
    socket.send('\ud800');
    expect(socket.bufferedAmount).toBe(10);
    socket.send(new Uint8Array(5).subarray(1, 3));
    expect(socket.bufferedAmount).toBe(12);
    socket.send(new Blob(['12345']));
    expect(socket.bufferedAmount).toBe(17);
  });

  test('during a task and its microtasks, bufferedAmount does not decrease, even if bytes have already left the process', async () => {
    const { socket } = await opened();
    socket.send('x'.repeat(200_000));
    expect(socket.bufferedAmount).toBe(200_000);
    await Promise.resolve().then(() => {});
    await new Promise<void>((resolve) => process.nextTick(resolve));
    for (let n = 0; n < 20; n++) await Promise.resolve();
    expect(socket.bufferedAmount).toBe(200_000);
  });

  test('bufferedAmount becomes 0 when all bytes have left the process', async () => {
    const one = await opened();
    for (let n = 0; n < 200; n++) one.socket.send('y'.repeat(1000));
    one.socket.send(new Blob(['z'.repeat(1000)]));
    expect(one.socket.bufferedAmount).toBe(201_000);
    await received(one, 201);
    while (one.socket.bufferedAmount > 0) await task();
    expect(one.socket.bufferedAmount).toBe(0);
  });

  test('when the answers of the peer to all messages have been delivered, bufferedAmount is 0', async () => {
    const one = await opened();
    const amounts: number[] = [];
    one.socket.addEventListener('message', () => amounts.push(one.socket.bufferedAmount));
    for (const text of ['x', 'ü', '€', '😀']) one.socket.send(text);
    expect(one.socket.bufferedAmount).toBe(1 + 2 + 3 + 4);
    await received(one, 4);
    one.peer.write(Buffer.concat(['x', 'ü', '€', '😀'].map((text) => message(text))));
    await one.events.messages(4);
    expect(amounts).toEqual([0, 0, 0, 0]);
  });

  test('while the peer reads slowly, bufferedAmount decreases in steps', async () => {
    const one = await opened();
    one.peer.socket.pause();
    const count = 400;
    const size = 65_536;
    const steps = new Set<number>();
    for (let n = 0; n < count; n++) one.socket.send(new Uint8Array(size));
    expect(one.socket.bufferedAmount).toBe(count * size);
    await settle();
    // By now, the buffers of the operating system are full.
    expect(one.socket.bufferedAmount).toBeGreaterThan(0);
    one.peer.socket.resume();
    while (one.socket.bufferedAmount > 0) {
      steps.add(one.socket.bufferedAmount);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(steps.size).toBeGreaterThan(1);
  });

  test('if the connection is lost, bufferedAmount does not become 0', async () => {
    const one = await opened();
    one.peer.socket.pause();
    for (let n = 0; n < 400; n++) one.socket.send(new Uint8Array(65_536));
    await settle();
    one.peer.socket.destroy();
    await one.events.closed();
    await settle();
    expect(one.socket.bufferedAmount).toBeGreaterThan(0);
  });

  test('bufferedAmount counts a message that is sent after the Close frame of the peer and before the close event', async () => {
    const one = await opened();
    let sent = false;
    one.socket.onmessage = () => {};
    one.peer.write(closeFrame(1000, '', { mask: false }));
    await received(one, 1);
    if (one.socket.readyState !== 3) {
      one.socket.send('late');
      sent = true;
    }
    one.peer.socket.end();
    await one.events.closed();
    await settle();
    expect(sent).toBe(true);
    expect(one.socket.bufferedAmount).toBe(4);
  });
});

describe('Blobs', () => {
  test('while a Blob is read, later messages and the Close frame wait', async () => {
    const one = await opened();
    one.socket.send('before');
    one.socket.send(new Blob(['blob ', '1']));
    one.socket.send('between');
    const bytes = Uint8Array.of(1, 2, 3);
    one.socket.send(bytes);
    // The message that waits is a copy of these bytes.
    bytes.fill(9);
    one.socket.send(new Blob([Buffer.alloc(100_000, 'b')]));
    one.socket.send('after');
    one.socket.close(4000);
    expect(one.socket.readyState).toBe(2);
    one.socket.send('too late');
    const frames = await received(one, 7);
    expect(frames.slice(0, 4)).toEqual(['before', Buffer.from('blob 1'), 'between', Buffer.from([1, 2, 3])]);
    expect((frames[4] as Buffer).equals(Buffer.alloc(100_000, 'b'))).toBe(true);
    expect(frames.slice(5)).toEqual(['after', 4000]);
  });

  test('send() sends an empty Blob as an empty binary message', async () => {
    const one = await opened();
    one.socket.send(new Blob([]));
    one.socket.send('after');
    expect(await received(one, 2)).toEqual([Buffer.alloc(0), 'after']);
  });

  test('if a Blob cannot be read, the connection fails, and later messages are not sent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'blob-'));
    try {
      const file = join(folder, 'file');
      writeFileSync(file, 'first');
      const blob = await openAsBlob(file);
      writeFileSync(file, 'changed since');
      const one = await opened();
      one.socket.send('before');
      one.socket.send(blob as Blob);
      one.socket.send('after');
      expect(await received(one, 2)).toEqual(['before', 1011]);
      one.peer.write(closeFrame(1011, '', { mask: false })).socket.end();
      expect(await one.events.failed()).toMatchObject({ error: { name: 'NotReadableError' } });
      expect(await one.events.closed()).toMatchObject({ code: 1006, wasClean: false });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('if the connection ends while the WebSocket reads a Blob, the WebSocket closes, and bufferedAmount still counts the message after the Blob', async () => {
    const one = await opened();
    one.socket.send(new Blob([Buffer.alloc(1_000_000)]));
    one.socket.send('never');
    one.peer.socket.destroy();
    await one.events.closed();
    await settle();
    expect(one.socket.readyState).toBe(3);
    expect(one.socket.bufferedAmount).toBeGreaterThanOrEqual(5);
  });
});
