/** Tests `BroadcastChannelBus`, which connects threads. The tests use real threads and a real BroadcastChannel. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { BroadcastChannelBus } from '../../../src/api/topics/broadcast-channel-bus.ts';
import { Recorder, turns } from './recorder.ts';

let count = 0;
/** Returns a channel name that no other test uses. */
const freshName = () => `test-${process.pid}-${count++}`;

test('a message reaches every BroadcastChannelBus with the same name once and in order, including the bus of the publisher', async () => {
  const name = freshName();
  const buses = [new BroadcastChannelBus(name), new BroadcastChannelBus(name)] as const;
  const recorders = buses.map((bus) => {
    const recorder = new Recorder();
    bus.subscribe('room/*', recorder);
    return recorder;
  });
  const stranger = new BroadcastChannelBus(freshName());
  const strange = new Recorder();
  stranger.subscribe('**', strange);
  const expected = Array.from({ length: 100 }, (_, i) => `room/1 ${i}`);
  for (let i = 0; i < 100; i++) {
    buses[0].publish('room/1', Buffer.from(String(i)));
    buses[0].publish('other', Buffer.from(String(i)));
  }
  await vi.waitFor(() => expect(recorders.map(({ lines }) => lines)).toEqual([expected, expected]));
  expect(strange.lines).toEqual([]);
  for (const bus of [...buses, stranger]) await bus.close();
});

test('a BroadcastChannelBus copies the published bytes, and the publisher may reuse the memory', async () => {
  const name = freshName();
  const bus = new BroadcastChannelBus(name);
  const other = new BroadcastChannelBus(name);
  const recorder = new Recorder();
  let size = 0;
  bus.subscribe('a', recorder);
  other.subscribe('a', {
    message: (_, bytes) => {
      size = bytes.buffer.byteLength;
    },
    gap: () => {},
  });
  const memory = Buffer.alloc(100_000, 'x');
  bus.publish('a', memory.subarray(0, 3));
  memory.fill('y');
  await vi.waitFor(() => expect([recorder.lines, size]).toEqual([['a xxx'], 3]));
  await bus.close();
  await other.close();
});

test('if a receiver unsubscribes a second receiver during the delivery of a message, the second receiver does not get the message', async () => {
  const bus = new BroadcastChannelBus(freshName());
  const lines: string[] = [];
  bus.subscribe('a', {
    message: () => {
      lines.push('first');
      bus.unsubscribe('*');
    },
    gap: () => {},
  });
  bus.subscribe('*', new Recorder(lines));
  bus.publish('a', Buffer.from('m'));
  await turns();
  expect(lines).toEqual(['first']);
  await bus.close();
});

test('a BroadcastChannelBus ignores other values that a program sends on a channel with the same name', async () => {
  const name = freshName();
  const bus = new BroadcastChannelBus(name);
  const recorder = new Recorder();
  bus.subscribe('**', recorder);
  const channel = new BroadcastChannel(name);
  for (const message of [null, 'text', ['a'], ['a', 'text'], [1, new Uint8Array()], { topic: 'a' }]) {
    channel.postMessage(message);
  }
  channel.postMessage(['a', Buffer.from('m')]);
  await vi.waitFor(() => expect(recorder.lines).toEqual(['a m']));
  channel.close();
  await bus.close();
});

test('a BroadcastChannelBus delivers messages between threads', async () => {
  const name = freshName();
  const bus = new BroadcastChannelBus(name);
  const recorder = new Recorder();
  bus.subscribe('reply', recorder);
  const module = new URL('../../../dist/api/topics/broadcast-channel-bus.js', import.meta.url);
  const source = `
    const { workerData: { module, name }, parentPort } = require('node:worker_threads');
    import(module).then(({ BroadcastChannelBus }) => {
      const bus = new BroadcastChannelBus(name);
      bus.subscribe('ask', {
        message: (topic, bytes) => { bus.publish('reply', bytes); bus.close(); },
        gap() {},
      });
      parentPort.postMessage('ready');
    });`;
  const worker = new Worker(source, { eval: true, workerData: { module: fileURLToPath(module), name } });
  await once(worker, 'message');
  bus.publish('ask', Buffer.from('over there'));
  // The thread ends after its bus is closed, because nothing else keeps the thread alive.
  expect((await once(worker, 'exit'))[0]).toBe(0);
  await vi.waitFor(() => expect(recorder.lines).toEqual(['reply over there']));
  await bus.close();
});

test('the constructor of BroadcastChannelBus refuses a name that is not a string', () => {
  expect(() => new BroadcastChannelBus(5 as never)).toThrow(
    new TypeError('the name is a number, not a string'),
  );
});
