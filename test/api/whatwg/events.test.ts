/**
 * Tests the events of a `WebSocket`: WebSockets Standard, "Feedback from the protocol". Each event is fired in a separate task, and has the
 * class that the standard requires. A listener that throws has no effect on other listeners.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../../src/index.ts';
import { CloseEvent, ErrorEvent, type MessageEvent } from '../../../src/websocket.ts';
import { startServer } from '../../transport/servers.ts';
import { closeFrame, frame, Op } from '../../transport/wire.ts';
import { closeAll, message, open, rawServer, task, watch } from './harness.ts';

afterEach(closeAll);

async function opened(first?: Buffer) {
  const server = await rawServer('', first);
  const { socket, events } = watch(server.url);
  await events.opened();
  return { socket, events, peer: await server.peer, url: server.url };
}

describe('a separate task for each event', () => {
  test('messages that wait for delivery count in the memory budget until the connection has ended', async () => {
    const memoryBudget = new MemoryBudget();
    const server = await rawServer();
    const socket = open(server.url, [], { memoryBudget });
    const used: number[] = [];
    socket.onmessage = () => void used.push(memoryBudget.unread);
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    const peer = await server.peer;
    peer.write(Buffer.concat([message('1'), message('x'.repeat(5_000)), message('3'), closeFrame(1000)]));
    peer.socket.end();
    await closed;
    expect(used).toEqual([5_001 + 2 * 128, 1 + 128, 0]);
    expect(memoryBudget.used).toBe(0);
  });

  test('microtasks run between two messages that have arrived in one chunk', async () => {
    const { socket, peer } = await opened();
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        order.push(`message ${data}`);
        queueMicrotask(() => {
          order.push(`microtask ${data}`);
          Promise.resolve().then(() => order.push(`then ${data}`));
        });
        process.nextTick(() => order.push(`tick ${data}`));
        if (data === '3') setImmediate(resolve);
      };
    });
    peer.write(Buffer.concat([message('1'), message('2'), message('3')]));
    await done;
    for (const n of [1, 2, 3]) {
      const at = order.indexOf(`message ${n}`);
      expect(order.slice(at, at + 4).sort()).toEqual(
        [`message ${n}`, `microtask ${n}`, `then ${n}`, `tick ${n}`].sort(),
      );
    }
  });

  test('the open event and the messages that arrived with the response are fired in order, each in a separate task', async () => {
    const server = await rawServer('', Buffer.concat([message('1'), message('2')]));
    const { socket, events } = watch(server.url);
    const order: string[] = [];
    for (const type of ['open', 'message'] as const) {
      socket.addEventListener(type, () => {
        order.push(type);
        queueMicrotask(() => order.push('microtask'));
      });
    }
    await events.messages(2);
    await task();
    expect(order).toEqual(['open', 'microtask', 'message', 'microtask', 'message', 'microtask']);
  });

  test('no event is fired during a call of the constructor, send() or close()', async () => {
    const server = await rawServer('', message('x'));
    let isInside = true;
    const { socket, events } = watch(server.url);
    const fired: boolean[] = [];
    for (const type of ['open', 'message', 'error', 'close'])
      socket.addEventListener(type, () => void fired.push(isInside));
    isInside = false;
    await events.messages(1);
    isInside = true;
    socket.send('a'.repeat(100_000));
    socket.close();
    isInside = false;
    const peer = await server.peer;
    await peer.until(() => peer.frames.some(({ opcode }) => opcode === Op.Close));
    peer.write(closeFrame(null, '', { mask: false })).socket.end();
    await events.closed();
    expect(fired).toEqual([false, false, false]);
  });

  test('small and large messages of text and bytes arrive in order', async () => {
    const { socket, events, peer } = await opened();
    socket.binaryType = 'arraybuffer';
    const sent = Array.from({ length: 300 }, (_, n) =>
      n % 3 === 0 ? Buffer.alloc(n * 40, n) : `${n}`.repeat(n),
    );
    peer.write(Buffer.concat(sent.map((one) => message(one))));
    // The test compares the messages as text, because the test runner takes seconds to compare large Buffers.
    const shown = (one: unknown) =>
      typeof one === 'string' ? one : Buffer.from(one as ArrayBuffer).toString('hex');
    expect((await events.messages(sent.length)).map(shown)).toEqual(sent.map(shown));
  });

  test('a message that arrives in two chunks causes one event, wherever it is split', async () => {
    const bytes = Buffer.concat([
      frame(Op.Text, 'gr', { mask: false, fin: false }),
      frame(Op.Continuation, Buffer.from('ü').subarray(0, 1), { mask: false, fin: false }),
      frame(Op.Ping, 'p', { mask: false }),
      frame(Op.Continuation, Buffer.concat([Buffer.from('ü').subarray(1), Buffer.from('n')]), {
        mask: false,
      }),
      message(Uint8Array.of(1, 2, 3)),
    ]);
    const { socket, events, peer } = await opened();
    socket.binaryType = 'arraybuffer';
    for (let at = 1; at < bytes.length; at++) {
      peer.write(bytes.subarray(0, at));
      await new Promise((resolve) => setTimeout(resolve, 1));
      peer.write(bytes.subarray(at));
      const received = await events.messages(2 * at);
      expect(received.length).toBe(2 * at);
      expect(received.at(-2)).toBe('grün');
      expect([...new Uint8Array(received.at(-1) as ArrayBuffer)]).toEqual([1, 2, 3]);
    }
  });

  test('during the error event and the close event, readyState is CLOSED', async () => {
    const { socket, events, peer } = await opened();
    const order: string[] = [];
    for (const type of ['error', 'close'] as const) {
      socket.addEventListener(type, () => {
        order.push(`${type} ${socket.readyState}`);
        setImmediate(() => order.push('task'));
      });
    }
    peer.socket.destroy();
    await events.closed();
    expect(order.slice(0, 2)).toEqual(['error 3', 'close 3']);
  });
});

describe('the event objects', () => {
  test('the open event is an Event that does not bubble and cannot be cancelled', async () => {
    const { events, socket } = await opened();
    const [event] = events.of('open');
    expect(event!.constructor).toBe(Event);
    expect([event!.bubbles, event!.cancelable, event!.target === socket]).toEqual([false, false, true]);
  });

  test('the message event is a MessageEvent with the data and the origin of the URL', async () => {
    const { events, peer, url } = await opened();
    peer.write(message('text'));
    await events.messages(1);
    const event = events.of('message')[0] as MessageEvent;
    expect(event).toBeInstanceOf((globalThis as unknown as { MessageEvent: new () => Event }).MessageEvent);
    expect([
      event.data,
      event.origin,
      event.lastEventId,
      event.source,
      event.bubbles,
      event.cancelable,
    ]).toEqual(['text', url.slice(0, -1), '', null, false, false]);
    expect([...event.ports]).toEqual([]);
    expect(String(event)).toBe('[object MessageEvent]');
  });

  test('the close event is a CloseEvent, and the error event is an ErrorEvent', async () => {
    const { events, peer } = await opened();
    peer.socket.destroy();
    const error = await events.failed();
    const close = await events.closed();
    expect(close).toBeInstanceOf(CloseEvent);
    expect(error).toBeInstanceOf(ErrorEvent);
    expect([close.bubbles, close.cancelable, error.bubbles, error.cancelable]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(error.message).toBe((error.error as Error).message);
  });
});

describe('binary messages', () => {
  test('by default, the data of a binary message is a Blob with exactly the bytes of the message', async () => {
    const { events, peer } = await opened();
    peer.write(
      Buffer.concat([message(Uint8Array.of(1, 2)), message(Uint8Array.of(3)), message(new Uint8Array(0))]),
    );
    const blobs = (await events.messages(3)) as Blob[];
    expect(blobs.map((blob) => [blob instanceof Blob, blob.size, blob.type])).toEqual([
      [true, 2, ''],
      [true, 1, ''],
      [true, 0, ''],
    ]);
    expect([...new Uint8Array(await blobs[0]!.arrayBuffer())]).toEqual([1, 2]);
  });

  test('with binaryType arraybuffer, a binary message is an ArrayBuffer that contains only the bytes of the message', async () => {
    const { socket, events, peer } = await opened();
    socket.binaryType = 'arraybuffer';
    const large = Buffer.alloc(300_000, 7);
    peer.write(Buffer.concat([message(Uint8Array.of(1, 2)), message(Uint8Array.of(3)), message(large)]));
    const buffers = (await events.messages(3)) as ArrayBuffer[];
    expect(buffers.map((one) => [Object.prototype.toString.call(one), one.byteLength])).toEqual([
      ['[object ArrayBuffer]', 2],
      ['[object ArrayBuffer]', 1],
      ['[object ArrayBuffer]', 300_000],
    ]);
    expect(Buffer.from(buffers[2]!).equals(large)).toBe(true);
    new Uint8Array(buffers[0]!)[0] = 9;
    expect([...new Uint8Array(buffers[1]!)]).toEqual([3]);
  });

  test('the value of binaryType during the message event determines the type of the data', async () => {
    const { socket, events, peer } = await opened();
    socket.addEventListener('message', () => {
      socket.binaryType = 'arraybuffer';
    });
    peer.write(Buffer.concat([message(Uint8Array.of(1)), message(Uint8Array.of(2))]));
    const [first, second] = await events.messages(2);
    expect(first).toBeInstanceOf(Blob);
    expect(Object.prototype.toString.call(second)).toBe('[object ArrayBuffer]');
  });

  test('the data of a text message is a string, with any binaryType', async () => {
    const { socket, events, peer } = await opened();
    socket.binaryType = 'arraybuffer';
    peer.write(message('Grüße'));
    expect(await events.messages(1)).toEqual(['Grüße']);
  });
});

describe('an exception of a listener', () => {
  test('if a listener throws, the exception is an uncaught exception, and the connection and other listeners continue', async () => {
    const caught: unknown[] = [];
    // The test removes the listeners of the test runner. Otherwise these listeners would let the test fail.
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const onUncaught = (error: unknown): void => void caught.push(error);
    process.on('uncaughtException', onUncaught);
    try {
      const { socket, events, peer } = await opened();
      const errors = [new Error('in onmessage'), new Error('in a listener'), new Error('in onclose')];
      socket.onmessage = () => {
        throw errors[0];
      };
      socket.addEventListener('message', () => {
        throw errors[1];
      });
      socket.onclose = () => {
        throw errors[2];
      };
      peer.write(Buffer.concat([message('1'), message('2')]));
      expect(await events.messages(2)).toEqual(['1', '2']);
      await task();
      expect(caught).toEqual([errors[0], errors[1], errors[0], errors[1]]);
      expect(socket.readyState).toBe(1);
      socket.send('still open');
      await peer.until(() => peer.frames.length > 0);
      peer.write(closeFrame(1000, '', { mask: false }));
      await peer.until(() => peer.frames.some(({ opcode }) => opcode === Op.Close));
      peer.socket.end();
      expect(await events.closed()).toMatchObject({ code: 1000, wasClean: true });
      await task();
      expect(caught.at(-1)).toBe(errors[2]);
      expect(events.of('error')).toEqual([]);
    } finally {
      process.off('uncaughtException', onUncaught);
      for (const listener of others) process.on('uncaughtException', listener);
    }
  });

  test('if an error event has no listener, the process continues', async () => {
    const { server, url } = await startServer();
    await server.shutdown();
    const { socket, events } = watch(url);
    await events.closed();
    expect(socket.readyState).toBe(3);
  });
});

describe('many messages', () => {
  test('if 400 large messages exceed the limit of waiting bytes, all of them are delivered', async () => {
    const { events, peer, socket } = await opened();
    socket.binaryType = 'arraybuffer';
    const count = 400;
    for (let n = 0; n < count; n++) peer.write(message(Buffer.alloc(16_384, n)));
    const received = (await events.messages(count)) as ArrayBuffer[];
    expect(received.map((one) => new Uint8Array(one)[16_383])).toEqual(
      Array.from({ length: count }, (_, n) => n & 255),
    );
  });

  test('if 5,000 tiny messages arrive in one chunk, all of them are delivered, and then the close event is fired', async () => {
    const { events, peer } = await opened();
    const count = 5_000;
    const all = Array.from({ length: count }, (_, n) => message(`${n}`));
    peer.write(Buffer.concat([...all, closeFrame(1000, '', { mask: false })]));
    expect(await events.messages(count)).toEqual(Array.from({ length: count }, (_, n) => `${n}`));
    await peer.until(() => peer.frames.length > 0);
    peer.socket.end();
    await events.closed();
    expect(events.types.length).toBe(count + 2);
    expect(events.types.at(-1)).toBe('close');
  });

  test('if 200 compressed messages inflate to much more than the limit of waiting bytes, all of them are delivered', async () => {
    const count = 200;
    const { url } = await startServer(
      {
        open(connection) {
          for (let n = 0; n < count; n++) connection.send(String.fromCharCode(97 + (n % 26)).repeat(100_000));
        },
      },
      { compression: true },
    );
    const { events } = watch(url, [], { compression: true });
    const received = (await events.messages(count)) as string[];
    expect(received.map((text) => text[99_999])).toEqual(
      Array.from({ length: count }, (_, n) => String.fromCharCode(97 + (n % 26))),
    );
  });
});
