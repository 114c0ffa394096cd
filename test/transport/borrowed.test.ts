/** FAULT-1: tests messages in memory that the application transfers, resizes or changes after `send`. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, connect, WebSocketServer } from '../../src/index.ts';
import {
  Borrowed,
  giveBack,
  giveUp,
  PayloadChangedError,
  takeMemory,
  WRITE_SIZE,
} from '../../src/transport/borrowed.ts';
import { slabBytes } from '../../src/transport/slabs.ts';
import { Waiting } from '../../src/transport/waiting.ts';

describe('a payload of the application that waits to be sent', () => {
  test('FAULT-1: a payload is copied piece by piece, each piece only when the socket can take it', () => {
    const payload = randomBytes(100_000);
    const waiting = new Waiting();
    waiting.add([Buffer.from('before'), new Borrowed(payload), Buffer.from('after')], 100_011);
    const before = slabBytes().inUse;
    const pieces: Buffer[] = [];
    for (const size of [1, 10, WRITE_SIZE, 34_464]) {
      expect(waiting.isBorrowed(size)).toBe(size > 1);
      const memory = takeMemory(size);
      expect(memory.buffer).not.toBe(payload.buffer);
      waiting.copy(size, memory);
      pieces.push(Buffer.from(memory.subarray(0, size)));
      giveBack(memory);
    }
    expect(waiting.size).toBe(0);
    expect(slabBytes().inUse).toBe(before);
    const expected = Buffer.concat([Buffer.from('before'), payload, Buffer.from('after')]);
    expect(Buffer.concat(pieces).equals(expected)).toBe(true);
  });

  test('FAULT-1: a payload is never copied into memory that a socket still reads from', () => {
    const before = slabBytes().inUse;
    for (const size of [5000, WRITE_SIZE]) {
      const memory = takeMemory(size);
      giveUp(memory);
      expect(takeMemory(size).buffer).not.toBe(memory.buffer);
    }
    // The slab (a shared write buffer of 8 KiB) of the second `takeMemory(5000)` is not released yet.
    expect(slabBytes().inUse - before).toBe(8192);
  });

  test('FAULT-1: reading the rest of a payload throws after the application has transferred the payload', () => {
    const payload = new Uint8Array(5000);
    const borrowed = new Borrowed(payload);
    borrowed.next(1000);
    structuredClone(payload.buffer, { transfer: [payload.buffer] });
    expect(() => borrowed.next(1000)).toThrow(PayloadChangedError);
    expect(borrowed.length).toBe(4000);
  });
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface End {
  readonly connection: Connection;
  readonly received: Buffer[];
  readonly errors: Error[];
}

/** Connects a server and a client over TCP. */
async function pair(compression: boolean): Promise<{ server: End; client: End }> {
  const ends = { server: [] as Buffer[], client: [] as Buffer[] };
  const errors = { server: [] as Error[], client: [] as Error[] };
  const handlers = (name: 'server' | 'client'): object => ({
    message: (_connection: Connection, message: Buffer | string) => {
      ends[name].push(Buffer.from(message as Buffer));
    },
    error: (_connection: Connection, error: Error) => errors[name].push(error),
  });
  const connections: Connection[] = [];
  const server = new WebSocketServer(
    { ...handlers('server'), open: (connection: Connection) => connections.push(connection) },
    { compression, maxMessageSize: 10_000_000 },
  );
  const { port } = await server.listen({ host: '127.0.0.1' });
  closing.push(() => server.shutdown({ grace: 1 }));
  const connection = await connect(`ws://127.0.0.1:${port}`, {
    handlers: handlers('client'),
    compression,
    maxMessageSize: 10_000_000,
  });
  closing.push(() => connection.terminate());
  return {
    server: { connection: connections[0]!, received: ends.server, errors: errors.server },
    client: { connection, received: ends.client, errors: errors.client },
  };
}

type Shape = 'fixed' | 'resizable';

/** What an application may do with a payload after `send`. `shape` is the required kind of memory, and `run` performs the action. */
const deeds: Record<string, { shape: Shape; run: (payload: Uint8Array<ArrayBuffer>) => void }> = {
  'transferred by structuredClone': {
    shape: 'fixed',
    run: ({ buffer }) => void structuredClone(buffer, { transfer: [buffer] }),
  },
  'posted to another thread': {
    shape: 'fixed',
    run: ({ buffer }) => {
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(buffer, [buffer]);
      port1.close();
      port2.close();
    },
  },
  shrunk: { shape: 'resizable', run: ({ buffer }) => resize(buffer, 10) },
  grown: { shape: 'resizable', run: ({ buffer }) => resize(buffer, buffer.byteLength + 50) },
};

interface Resizable {
  resize(size: number): void;
}

function resize(buffer: ArrayBuffer, size: number): void {
  (buffer as unknown as Resizable).resize(size);
}

/** Returns a payload in memory of this shape. If `isRandom` is true, compression cannot make the payload smaller. */
function payloadOf(size: number, shape: Shape, isRandom: boolean): Uint8Array<ArrayBuffer> {
  const Resizing = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  const buffer = shape === 'fixed' ? new ArrayBuffer(size) : new Resizing(size, { maxByteLength: size * 2 });
  const bytes = new Uint8Array(buffer);
  bytes.set(isRandom ? randomBytes(size) : Buffer.alloc(size, 'compressible '));
  return bytes;
}

describe.each(['server', 'client'] as const)('FAULT-1: a payload that a %s sends', (role) => {
  for (const compression of [false, true]) {
    for (const [name, { shape, run }] of Object.entries(deeds)) {
      const how = compression ? 'with compression' : 'uncompressed';
      test(`FAULT-1: if a payload is ${name} after send, the peer receives the whole message, or the sender reports one error (${how})`, async () => {
        for (const size of [100, 4097, 20_000, 400_000]) {
          for (const isRandom of [false, true]) {
            const { server, client } = await pair(compression);
            const [sender, receiver] = role === 'server' ? [server, client] : [client, server];
            const payload = payloadOf(size, shape, isRandom);
            const before = Buffer.from(payload);
            sender.connection.send('first');
            sender.connection.send(payload);
            run(payload);
            sender.connection.send('last');
            await Promise.race([arrived(receiver, 3), sender.connection.closed]);
            if (sender.errors.length === 0) {
              await arrived(receiver, 3);
              expect(receiver.received[1]?.equals(before)).toBe(true);
              expect(receiver.received.length).toBe(3);
            } else {
              expect(sender.errors.length).toBe(1);
              // The error says that the application has transferred or resized the payload. It must not say that a socket has failed.
              expect(sender.errors[0]?.message).toContain(`a payload of ${size} bytes was transferred`);
              expect((await sender.connection.closed).code).toBe(1006);
              // The peer has received only the earlier message.
              await receiver.connection.closed;
              expect(receiver.received.map(String).slice(1)).toEqual([]);
            }
            // The payload is copied immediately if it waits for the codec, has a resizable buffer, or is masked. In other cases, sending
            // may fail.
            const mayFail = role === 'server' && shape === 'fixed' && !compression && size > 4096;
            if (!mayFail) expect(sender.errors).toEqual([]);
          }
        }
      });
    }
  }

  test('FAULT-1: if the application transfers large payloads while the peer does not read, the peer receives no wrong byte', async () => {
    const { server, client } = await pair(false);
    const [sender, receiver] = role === 'server' ? [server, client] : [client, server];
    receiver.connection.pause();
    const payloads = Array.from({ length: 20 }, () => payloadOf(400_000, 'fixed', true));
    for (const payload of payloads) sender.connection.send(payload);
    while (sender.connection.bufferedAmount === 0) await new Promise(setImmediate);
    const copies = payloads.map((payload) => Buffer.from(payload));
    for (const { buffer } of payloads) structuredClone(buffer, { transfer: [buffer] });
    receiver.connection.resume();
    await Promise.race([arrived(receiver, 20), sender.connection.closed]);
    expect(sender.errors.length).toBe(role === 'server' ? 1 : 0);
    if (role === 'server') await Promise.all([sender.connection.closed, receiver.connection.closed]);
    for (const [index, message] of receiver.received.entries()) {
      expect(message.equals(copies[index]!)).toBe(true);
    }
  });

  test('FAULT-1: if the application changes a payload during compression, the peer receives the old contents', async () => {
    const { server, client } = await pair(true);
    const [sender, receiver] = role === 'server' ? [server, client] : [client, server];
    for (let n = 0; n < 10; n++) {
      const payload = payloadOf(50_000, 'fixed', false);
      sender.connection.send(payload);
      payload.fill(n);
      sender.connection.send(`after ${n} `.repeat(500));
    }
    await arrived(receiver, 20);
    for (let n = 0; n < 10; n++) {
      expect(receiver.received[2 * n]?.equals(Buffer.alloc(50_000, 'compressible '))).toBe(true);
      expect(receiver.received[2 * n + 1]?.toString()).toBe(`after ${n} `.repeat(500));
    }
  });
});

test('FAULT-1: if the application transfers the payload of a broadcast after the call, every connection still receives the whole message', async () => {
  for (const compression of [false, true]) {
    const received: Buffer[] = [];
    const server = new WebSocketServer({}, { compression, maxMessageSize: 10_000_000 });
    const { port } = await server.listen({ host: '127.0.0.1' });
    closing.push(() => server.shutdown({ grace: 1 }));
    for (let n = 0; n < 6; n++) {
      const connection = await connect(`ws://127.0.0.1:${port}`, {
        handlers: { message: (_connection, message) => received.push(message as Buffer) },
        compression: compression && n % 2 === 0 ? { serverNoContextTakeover: true } : compression,
      });
      closing.push(() => connection.terminate());
    }
    for (const connection of server.connections) connection.send(Buffer.alloc(100_000, 'before it '));
    const payload = payloadOf(200_000, 'fixed', false);
    const before = Buffer.from(payload);
    server.broadcast(payload);
    structuredClone(payload.buffer, { transfer: [payload.buffer] });
    while (received.length < 12) await new Promise(setImmediate);
    expect(received.filter((message) => message.equals(before)).length).toBe(6);
  }
});

async function arrived({ received }: End, count: number): Promise<void> {
  while (received.length < count) await new Promise(setImmediate);
}
