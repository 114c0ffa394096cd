/**
 * Tests broadcasts to connections with and without compression. The server compresses a message once for all connections with the same
 * settings. Each connection receives its messages in order. RFC 7692 §7.1.1.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DeflateCodec } from '../../src/deflate/codec.ts';
import { Endpoint } from '../../src/frame/endpoint.ts';
import type { EndpointEvents } from '../../src/frame/endpoint-events.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { type Connection, WebSocketServer } from '../../src/index.ts';
import { Broadcast } from '../../src/transport/broadcast.ts';
import { Outbox } from '../../src/transport/outbox.ts';
import type { SocketConnection } from '../../src/transport/socket.ts';
import { alone, codecOf, jsonOf, noiseOf } from '../deflate/harness.ts';
import { StrictInflate } from '../deflate/strict-inflate.ts';
import { bench, FakeCodec, type ReadFrame, readFrames } from '../frame/harness.ts';
import { FakeSocket, turn } from './fake-socket.ts';
import { RawPeer } from './wire.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

interface Member {
  readonly peer: RawPeer;
  readonly connection: Connection;
  /** Decompresses the messages that this client receives. */
  readonly strict: StrictInflate;
}

/** Starts a server, and one client for each of these offers. */
async function group(
  offers: readonly (string | null)[],
  options: object = {},
  limits: object = {},
): Promise<{ server: WebSocketServer; members: Member[] }> {
  const connections: Connection[] = [];
  const server = new WebSocketServer(
    { open: (connection) => void connections.push(connection) },
    { compression: { threshold: 1000, ...options }, ...limits },
  );
  const { port } = await server.listen();
  closing.push(() => {
    for (const connection of [...server.connections]) connection.terminate();
    return server.shutdown();
  });
  const members: Member[] = [];
  for (const offer of offers) {
    const peer = RawPeer.to(port);
    closing.push(() => peer.destroy());
    await peer.open(offer === null ? {} : { 'Sec-WebSocket-Extensions': offer });
    const bits = Number(/server_max_window_bits=(\d+)/.exec(offer ?? '')?.[1] ?? 15);
    const strict = new StrictInflate(bits, offer?.includes('server_no_context_takeover') === false);
    members.push({ peer, connection: connections.at(-1)!, strict });
  }
  return { server, members };
}

async function framesOf({ peer }: Member, count: number): Promise<ReadFrame[]> {
  await peer.until(() => peer.frames.length >= count);
  return readFrames(peer.received.subarray(peer.head.length));
}

const noContext = 'permessage-deflate; server_no_context_takeover';
const small = `${noContext}; server_max_window_bits=9`;
const context = 'permessage-deflate';

test('P7, P26: a server compresses a broadcast once per window size, and separately for each connection with a context', async () => {
  const offers = [noContext, noContext, noContext, small, small, context, context, null, null];
  const { server, members } = await group(offers);
  const compressNow = vi.spyOn(DeflateCodec.prototype, 'compressNow');
  const compress = vi.spyOn(DeflateCodec.prototype, 'compress');
  const messages = [`${jsonOf(1500, 1)}`, jsonOf(3000, 2), `${jsonOf(9000, 1)}`];
  for (const message of messages) expect(server.broadcast(message)).toBe(offers.length);
  expect(compress.mock.calls.length).toBe(2 * messages.length);
  // A codec with a context calls compressNow inside compress, so these calls are subtracted.
  expect(compressNow.mock.calls.length - compress.mock.calls.length).toBe(2 * messages.length);
  const seen: string[] = [];
  for (const [index, member] of members.entries()) {
    const frames = await framesOf(member, messages.length);
    expect(frames.map(({ opcode }) => opcode)).toEqual([1, 2, 1]);
    for (const [at, { rsv, payload }] of frames.entries()) {
      expect(rsv).toBe(offers[index] === null ? 0 : 4);
      const message = rsv === 4 ? member.strict.message(payload) : payload;
      expect(message.equals(Buffer.from(messages[at] as string))).toBe(true);
    }
    expect(member.connection.lastWireSize).toBe(frames.at(-1)!.payload.length);
    seen.push(frames.map(({ payload }) => payload.toString('hex')).join());
  }
  // Connections with the same settings receive the same bytes.
  expect(new Set(seen.slice(0, 3)).size).toBe(1);
  expect(new Set(seen.slice(3, 5)).size).toBe(1);
  expect(new Set(seen).size).toBe(4);
});

test('P7: a broadcast is sent uncompressed if it is small, if compress is false, or if compression does not make it smaller', async () => {
  const { server, members } = await group([noContext, context, null]);
  const compressNow = vi.spyOn(DeflateCodec.prototype, 'compressNow');
  server.broadcast('x'.repeat(999));
  server.broadcast('x'.repeat(5000), null, false);
  expect(compressNow).not.toHaveBeenCalled();
  server.broadcast(noiseOf(5000, 1));
  for (const member of members) {
    const frames = await framesOf(member, 3);
    expect(frames.map(({ rsv, payload }) => [rsv, payload.length])).toEqual([
      [0, 999],
      [0, 5000],
      [0, 5000],
    ]);
    expect(member.connection.lastWireSize).toBe(5000);
  }
});

const uses: [name: string, use: (bytes: Uint8Array<ArrayBuffer>) => unknown][] = [
  ['changed', (bytes) => bytes.fill(7)],
  ['transferred', (bytes) => structuredClone(bytes.buffer, { transfer: [bytes.buffer] })],
];
test.each(uses)(
  'FAULT-1: if the payload of a compressed broadcast is %s after the call, every connection still receives the whole message',
  async (_, use) => {
    const { server, members } = await group([noContext, noContext, small, context, context, null]);
    const sent: Buffer[] = [];
    for (const size of [3000, 12_000, 100_000]) {
      const bytes = new Uint8Array(jsonOf(size, size));
      sent.push(Buffer.from(bytes));
      server.broadcast(bytes);
      use(bytes);
    }
    for (const member of members) {
      const frames = await framesOf(member, sent.length);
      for (const [at, { rsv, payload }] of frames.entries()) {
        expect((rsv === 4 ? member.strict.message(payload) : payload).equals(sent[at]!)).toBe(true);
      }
    }
  },
);

test('P7, F24: if earlier messages of a connection are still being compressed, a broadcast leaves after these messages', async () => {
  const { server, members } = await group([noContext, context, noContext, null]);
  const large = jsonOf(200_000, 1);
  const wire: Buffer[][] = members.map(() => []);
  for (const [index, { connection }] of members.entries()) {
    if (index === 2) continue;
    connection.send(large);
    wire[index]!.push(large);
    connection.send('behind');
    wire[index]!.push(Buffer.from('behind'));
  }
  for (const message of ['short', `${jsonOf(2000, 2)}`, jsonOf(100_000, 3)]) {
    server.broadcast(message);
    for (const each of wire) each.push(Buffer.from(message as string));
  }
  expect(members.map(({ connection }) => connection.lastWireSize > 0)).toEqual([false, false, false, true]);
  expect(members.map(({ connection }) => connection.lastWireSize)).toEqual([-1, -1, -1, 100_000]);
  for (const { connection } of members) connection.close(1000);
  for (const [index, member] of members.entries()) {
    const frames = await framesOf(member, wire[index]!.length + 1);
    expect(frames.at(-1)!.opcode).toBe(8);
    for (const [at, message] of wire[index]!.entries()) {
      const { rsv, payload } = frames[at]!;
      expect((rsv === 4 ? member.strict.message(payload) : payload).equals(message)).toBe(true);
    }
  }
});

test("P7, P26: zlib's threads compress a large broadcast once for each window size, and each connection keeps its order", async () => {
  const budget = new MemoryBudget();
  const offers = [noContext, noContext, noContext, small, context, null];
  const { server, members } = await group(offers, {}, { memoryBudget: budget });
  const compress = vi.spyOn(DeflateCodec.prototype, 'compress');
  const compressNow = vi.spyOn(DeflateCodec.prototype, 'compressNow');
  const large = jsonOf(1_000_000, 1);
  server.broadcast(large);
  for (const { connection } of members) connection.send('behind');
  expect(compressNow).not.toHaveBeenCalled();
  // The two window sizes without a context need one compression each. The connection with a context needs a third compression.
  expect(compress.mock.calls.length).toBe(3);
  expect(members.map(({ connection }) => connection.lastWireSize)).toEqual([-1, -1, -1, -1, -1, 6]);
  // The message waits on each connection. However, memory contains it only twice: as the payload, and as an uncompressed frame.
  for (const { connection } of members.slice(0, 5))
    expect(connection.bufferedAmount).toBeGreaterThanOrEqual(large.length);
  expect(budget.used).toBeLessThan(large.length * 2.1);
  const [leaving, ...staying] = members as [Member, ...Member[]];
  leaving.connection.terminate();
  const seen: string[] = [];
  for (const member of staying) {
    const [frame, behind] = await framesOf(member, 2);
    const { rsv, payload } = frame!;
    expect((rsv === 4 ? member.strict.message(payload) : payload).equals(large)).toBe(true);
    expect(behind!.payload.toString()).toBe('behind');
    seen.push(payload.toString('latin1'));
  }
  expect(seen[0]).toBe(seen[1]);
  await expect.poll(() => budget.used).toBe(0);
});

test('P7: with synchronous: true a server compresses a broadcast in the same turn of the event loop, like any other message', async () => {
  const { server, members } = await group([noContext, noContext], { synchronous: true });
  const large = jsonOf(100_000, 1);
  server.broadcast(large);
  for (const member of members) {
    expect(member.connection.lastWireSize).toBeGreaterThan(0);
    const [frame] = await framesOf(member, 1);
    expect(member.strict.message(frame!.payload).equals(large)).toBe(true);
  }
});

test('A40, A48: the application may change a small payload after broadcast; a failed compression closes only the connections that need it', async () => {
  const { server, members } = await group([noContext, noContext, null]);
  const [first, second, third] = members as [Member, Member, Member];
  first.connection.send(jsonOf(100_000, 1));
  const bytes = Buffer.alloc(2_000, 'a');
  server.broadcast(bytes);
  bytes.fill('b');
  for (const [member, at] of [
    [first, 1],
    [second, 0],
    [third, 0],
  ] as const) {
    const frames = await framesOf(member, at + 1);
    const plain = frames.map(({ rsv, payload }) => (rsv === 4 ? member.strict.message(payload) : payload));
    expect(plain[at]).toEqual(Buffer.alloc(2_000, 'a'));
  }
  vi.spyOn(DeflateCodec.prototype, 'compress').mockRejectedValue(new Error('broken'));
  server.broadcast(jsonOf(100_000, 2));
  for (const member of [first, second]) {
    await member.peer.until(() => member.peer.frames.some(({ opcode }) => opcode === 8));
    expect(member.peer.frames.find(({ opcode }) => opcode === 8)!.payload.readUInt16BE(0)).toBe(1011);
  }
  expect((await framesOf(third, 2))[1]!.payload.length).toBe(100_000);
});

test('F22: connections that broadcast excludes, or that are not open, do not receive the message', async () => {
  const { server, members } = await group([noContext, context, null]);
  const [first, second, third] = members as [Member, Member, Member];
  second.connection.close(1000);
  expect(server.broadcast('to two'.repeat(500), third.connection)).toBe(1);
  expect(server.broadcast('to one'.repeat(500), new Set([first.connection]))).toBe(1);
  expect((await framesOf(first, 1)).length).toBe(1);
  expect((await framesOf(second, 1))[0]!.opcode).toBe(8);
  expect((await framesOf(third, 1))[0]!.payload.toString()).toBe('to one'.repeat(500));
});

test('P7: sendTo returns the size on the wire, -1 for a size not known yet, and 0 without an open connection', () => {
  const target = (codec: DeflateCodec | null, endpointCodec: DeflateCodec | FakeCodec | null = codec) => {
    const { endpoint, sink } = bench('server', { codec: endpointCodec });
    return {
      connection: { endpoint, codec, memoryBudget: new MemoryBudget() } as unknown as SocketConnection,
      endpoint,
      sink,
    };
  };
  const message = new Broadcast('abc'.repeat(1000), true);
  const shared = target(codecOf(alone));
  const size = message.sendTo(shared.connection);
  expect(size).toBe(shared.sink.frames[0]!.payload.length);
  expect(size).toBeLessThan(100);
  expect(message.sendTo(target(null).connection)).toBe(3000);
  shared.endpoint.close();
  expect(message.sendTo(shared.connection)).toBe(0);
  const fake = new FakeCodec();
  fake.waits = true;
  const busy = target(codecOf(alone), fake);
  expect(busy.endpoint.sendText('before it')).toBe(-1);
  expect(message.sendTo(busy.connection)).toBe(-1);
  expect(new Broadcast(Buffer.from('binary'), true).sendTo(busy.connection)).toBe(-1);
});

describe('FAULT-4: memory that many connections share', () => {
  const nothing = (): void => {};
  const events: EndpointEvents = {
    onText: nothing,
    onBinary: nothing,
    onFragment: nothing,
    onPing: nothing,
    onPong: nothing,
    onClosing: nothing,
    onError: nothing,
    onClose: nothing,
  };

  /**
   * Returns connections on blocked sockets. Like TCP sockets, these sockets read directly from the memory of a write. So data that waits is
   * not copied.
   */
  function members(
    budget: MemoryBudget,
    codecOfEach: () => DeflateCodec | null,
  ): { socket: FakeSocket; outbox: Outbox; connection: SocketConnection }[] {
    return Array.from({ length: 50 }, () => {
      const socket = new FakeSocket();
      const codec = codecOfEach();
      const options = { memoryBudget: budget, sendCap: Number.POSITIVE_INFINITY };
      const owner = {
        onDrained: () => endpoint.transportDrained(),
        onBlocked: () => endpoint.transportBlocked(),
        onResumable: nothing,
        onClosing: nothing,
        onPayloadChanged: nothing,
        onDestroying: nothing,
      };
      const outbox = new Outbox(socket, owner, options, 'taken');
      const endpoint = new Endpoint(outbox, events, { ...options, role: 'server', maxMessageSize: 0, codec });
      socket.block();
      return {
        socket,
        outbox,
        connection: { endpoint, codec, memoryBudget: budget } as unknown as SocketConnection,
      };
    });
  }

  const cases: [name: string, codecOfEach: () => DeflateCodec | null][] = [
    ['uncompressed', () => null],
    ['compressed once', () => codecOf(alone)],
  ];
  test.each(cases)(
    'FAULT-4: a broadcast to many connections that do not read counts only once in the memory budget: %s',
    async (_, codecOfEach) => {
      const budget = new MemoryBudget();
      const lines = members(budget, codecOfEach);
      const payload = randomBytes(48_000).toString('base64');
      for (let count = 1; count <= 5; count++) {
        const message = new Broadcast(payload, true);
        for (const { connection } of lines) message.sendTo(connection);
        message.release();
        await turn();
      }
      // The compressed frames exist only after zlib's threads have finished.
      await vi.waitUntil(() => lines.every(({ connection }) => connection.endpoint.canSendSerialized));
      await turn();
      expect(budget.used).toBeGreaterThan(5 * 48_000 * 0.9);
      expect(budget.used).toBeLessThan(5 * 64_000 * 1.2 + 50 * 1_000);
      for (const { connection } of lines.slice(25)) connection.endpoint.terminate();
      for (const { socket } of lines) socket.takeWaiting(true);
      await vi.waitUntil(() => lines.every(({ connection }) => connection.endpoint.bufferedAmount === 0));
      await turn();
      expect(budget.used).toBe(0);
      for (const { connection } of lines) connection.endpoint.terminate();
      await turn();
    },
  );
});
