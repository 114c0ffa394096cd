/**
 * Tests writes to a TLS socket. A write never finishes before the next turn of the event loop. However, when `write` returns, the bytes are
 * already encrypted, so their memory is free. The tests use fake sockets with this behaviour, and the real TLS sockets of Node.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { Connection } from '../../src/index.ts';
import { Outbox, type OutboxOwner } from '../../src/transport/outbox.ts';
import { slabBytes } from '../../src/transport/slabs.ts';
import { turn } from './fake-socket.ts';
import { ca, closeServers, startServer, tls } from './servers.ts';
import { frame, framesOf, Op, requestHead } from './wire.ts';

const KIB = 1024;

/**
 * A fake TLS socket. Like TLS, it reads the bytes of a write before `write` returns, and finishes the write one turn of the event loop
 * later. After `hold`, it finishes a write only when `free` is called.
 */
class EncryptingSocket extends Duplex {
  /** The bytes of each write. Their contents are those at the moment of the write. */
  readonly writes: Buffer[] = [];
  /** The original memory of each write. */
  readonly handed: Buffer[] = [];
  #isHeld = false;
  #done: (() => void) | null = null;

  constructor() {
    super({ allowHalfOpen: true });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.writes);
  }

  get isWaiting(): boolean {
    return this.#done !== null;
  }

  hold(): void {
    this.#isHeld = true;
  }

  /** Finishes the current write. @param forGood if true, later writes finish without `free`; if false, they wait again */
  free(forGood: boolean): void {
    if (forGood) this.#isHeld = false;
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#accept([chunk], done);
  }

  override _writev(items: { chunk: Buffer }[], done: () => void): void {
    this.#accept(
      items.map(({ chunk }) => chunk),
      done,
    );
  }

  override _read(): void {}

  #accept(chunks: Buffer[], done: () => void): void {
    this.writes.push(Buffer.concat(chunks));
    this.handed.push(...chunks);
    if (this.#isHeld) this.#done = done;
    else setImmediate(done);
  }
}

interface Line {
  readonly socket: EncryptingSocket;
  readonly outbox: Outbox;
  readonly owner: Record<keyof OutboxOwner, ReturnType<typeof vi.fn<() => void>>>;
  readonly budget: MemoryBudget;
}

/** @param isAlone true if other code has no unfinished write on the socket */
async function setUp(isAlone = true, sendCap = Number.POSITIVE_INFINITY): Promise<Line> {
  const socket = new EncryptingSocket();
  const owner = {
    onDrained: vi.fn<() => void>(),
    onBlocked: vi.fn<() => void>(),
    onResumable: vi.fn<() => void>(),
    onClosing: vi.fn<() => void>(),
    onPayloadChanged: vi.fn<() => void>(),
    onDestroying: vi.fn<() => void>(),
  };
  const budget = new MemoryBudget();
  const outbox = new Outbox(socket, owner, { memoryBudget: budget, sendCap }, 'encrypted');
  if (isAlone) {
    send(outbox, Buffer.from('first'));
    await turns();
    expect(outbox.bufferedAmount).toBe(0);
    socket.writes.length = 0;
    socket.handed.length = 0;
  }
  return { socket, outbox, owner, budget };
}

async function turns(): Promise<void> {
  for (let count = 0; count < 4; count++) await turn();
}

function send(outbox: Outbox, bytes: Uint8Array): void {
  const { buffer, offset } = outbox.reserve(bytes.length);
  buffer.set(bytes, offset);
  outbox.commit(bytes.length);
}

/** Sends a header, which is written into reserved room, and then a payload of the application. */
function sendLarge(outbox: Outbox, header: Uint8Array, payload: Uint8Array, isStable = false): void {
  const { buffer, offset } = outbox.reserve(14);
  buffer.set(header, offset);
  outbox.append(payload, header.length, isStable, null);
}

describe('the parts of a TLS write', () => {
  test('a frame header and its payload of 64 KiB leave in one write, as one part', async () => {
    const { socket, outbox } = await setUp();
    const header = randomBytes(10);
    const payload = randomBytes(64 * KIB);
    sendLarge(outbox, header, payload);
    await turns();
    expect(socket.writes.map(({ length }) => length)).toEqual([10 + 64 * KIB]);
    expect(socket.handed).toHaveLength(1);
    expect(socket.bytes.equals(Buffer.concat([header, payload]))).toBe(true);
  });

  test('a large message leaves in slices of 128 KiB, and only the slice with the frame header is copied', async () => {
    const { socket, outbox } = await setUp();
    const header = randomBytes(10);
    const payload = randomBytes(1024 * KIB);
    sendLarge(outbox, header, payload);
    await vi.waitUntil(() => outbox.bufferedAmount === 0);
    expect(socket.writes.map(({ length }) => length)).toEqual([
      ...Array.from({ length: 7 }, () => 128 * KIB),
      128 * KIB + 10,
    ]);
    expect(socket.bytes.equals(Buffer.concat([header, payload]))).toBe(true);
    expect(socket.handed.map(({ buffer }) => buffer === payload.buffer)).toEqual([
      false,
      ...Array.from({ length: 7 }, () => true),
    ]);
  });

  test('if a program sends data while a TLS write is unfinished, all this data leaves in the next write', async () => {
    const { socket, outbox } = await setUp();
    send(outbox, Buffer.from('one '));
    outbox.flush();
    for (const word of ['two ', 'three ', 'four']) {
      send(outbox, Buffer.from(word));
      outbox.flush();
    }
    expect(outbox.bufferedAmount).toBe('one two three four'.length);
    await turns();
    expect(socket.writes.map(String)).toEqual(['one ', 'two three four']);
  });

  test('A40: while a TLS socket writes data of other code, the outbox does not reuse the memory of its own write', async () => {
    const before = slabBytes();
    const { socket, outbox } = await setUp(false);
    socket.hold();
    socket.write('HTTP/1.1 101');
    const payload = randomBytes(64 * KIB);
    const copy = Buffer.from(payload);
    send(outbox, Buffer.from('in place '));
    sendLarge(outbox, Buffer.from('header '), payload);
    outbox.flush();
    // The socket has not finished the write. The application changes the memory of the payload, and other connections use slabs.
    payload.fill(0);
    const others = await Promise.all(Array.from({ length: 20 }, () => setUp()));
    for (const { outbox: other } of others) {
      send(other, Buffer.alloc(200, 0xa5));
      sendLarge(other, Buffer.alloc(10, 0xa5), Buffer.alloc(64 * KIB, 0xa5));
    }
    await turns();
    while (socket.isWaiting) {
      socket.free(false);
      await turns();
    }
    const expected = [Buffer.from('HTTP/1.1 101in place header '), copy];
    expect(socket.bytes.equals(Buffer.concat(expected))).toBe(true);
    expect(slabBytes().inUse).toBe(before.inUse);
    expect(slabBytes().inFlight).toBe(before.inFlight);
  });

  test('A40: messages of any size on several connections arrive in order, and all slabs return to the pool', async () => {
    const step = fc.record({
      line: fc.nat(3),
      kind: fc.constantFrom('small', 'small', 'owned', 'borrowed', 'flush', 'turn', 'hold', 'free'),
      size: fc.oneof(
        fc.integer({ min: 11, max: 200 }),
        fc.integer({ min: 11, max: 5_000 }),
        fc.constantFrom(16_384, 65_536, 131_072),
        fc.integer({ min: 11, max: 300_000 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const before = slabBytes();
        const lines = await Promise.all([setUp(), setUp(), setUp(false), setUp(false)]);
        const expected: Buffer[][] = lines.map(() => []);
        let count = 0;
        for (const { line: index, kind, size } of steps) {
          const { socket, outbox } = lines[index]!;
          const bytes = Buffer.alloc(kind === 'small' ? Math.min(size, 8_000) : size, ++count);
          if (kind === 'flush') outbox.flush();
          else if (kind === 'turn') await turn();
          else if (kind === 'hold') socket.hold();
          else if (kind === 'free') socket.free(true);
          else {
            if (kind === 'small') send(outbox, bytes);
            else sendLarge(outbox, bytes.subarray(0, 10), bytes.subarray(10), kind === 'owned');
            expected[index]!.push(Buffer.from(bytes));
          }
          const given = socket.bytes.length;
          const sent = expected[index]!.reduce((sum, { length }) => sum + length, 0);
          expect(outbox.bufferedAmount).toBeGreaterThanOrEqual(sent - given);
          expect(outbox.bufferedAmount).toBeLessThanOrEqual(sent);
        }
        for (const [index, { socket, outbox, budget }] of lines.entries()) {
          outbox.end();
          socket.free(true);
          while (!socket.writableFinished) await turn();
          expect(socket.bytes.equals(Buffer.concat(expected[index]!))).toBe(true);
          expect([outbox.bufferedAmount, budget.used, outbox.blocked]).toEqual([0, 0, false]);
        }
        expect(slabBytes().inUse).toBe(before.inUse);
        expect(slabBytes().inFlight).toBe(before.inFlight);
      }),
      { numRuns: 60 },
    );
  });
});

describe('backpressure of a TLS socket', () => {
  test('an unfinished TLS write blocks the outbox only if the peer takes nothing for a whole turn of the event loop', async () => {
    const { socket, outbox, owner, budget } = await setUp();
    send(outbox, Buffer.alloc(100));
    outbox.flush();
    expect([outbox.blocked, outbox.bufferedAmount, budget.used]).toEqual([false, 100, 100]);
    await turns();
    expect([outbox.blocked, outbox.bufferedAmount, budget.used]).toEqual([false, 0, 0]);
    expect(owner.onBlocked).not.toHaveBeenCalled();
    socket.hold();
    send(outbox, Buffer.alloc(100));
    outbox.flush();
    expect(outbox.blocked).toBe(false);
    await turns();
    expect([outbox.blocked, owner.onBlocked.mock.calls.length]).toEqual([true, 1]);
    expect([outbox.bufferedAmount, budget.used]).toEqual([100, 100]);
    expect(owner.onDrained).not.toHaveBeenCalled();
    socket.free(true);
    await turns();
    expect([outbox.blocked, outbox.bufferedAmount, budget.used]).toEqual([false, 0, 0]);
    expect(owner.onDrained).toHaveBeenCalledOnce();
  });

  test.each([
    ['256 KiB', Number.POSITIVE_INFINITY, 256 * KIB],
    ['the send cap', 20_000, 20_000],
  ])(
    'the outbox is blocked immediately if unfinished TLS writes have more bytes than %s',
    async (_name, sendCap, limit) => {
      const { outbox, owner } = await setUp(true, sendCap);
      outbox.append(Buffer.alloc(limit), 0, false, null);
      outbox.flush();
      expect(outbox.blocked).toBe(false);
      send(outbox, Buffer.alloc(1));
      // During an unfinished write, new data is written when 64 KiB wait, or at the end of the turn of the event loop.
      outbox.append(Buffer.alloc(64 * KIB), 0, false, null);
      expect([outbox.blocked, owner.onBlocked.mock.calls.length]).toEqual([true, 1]);
      expect(outbox.bufferedAmount).toBe(limit + 1 + 64 * KIB);
      await vi.waitUntil(() => outbox.bufferedAmount === 0);
      expect(owner.onDrained).toHaveBeenCalledOnce();
      expect(outbox.blocked).toBe(false);
    },
  );

  test('an outbox writes to a slow TLS socket in slices of 64 KiB, so that bufferedAmount shows the progress', async () => {
    const { socket, outbox } = await setUp();
    socket.hold();
    outbox.append(Buffer.alloc(1024 * KIB), 0, false, null);
    outbox.flush();
    await turns();
    while (outbox.bufferedAmount > 0) {
      socket.free(false);
      await turns();
    }
    // At the first write, the outbox did not know yet that the peer was slow.
    expect(socket.writes.map(({ length }) => length)).toEqual([
      128 * KIB,
      ...Array.from({ length: 14 }, () => 64 * KIB),
    ]);
  });

  test('whenSent calls each callback when the TLS write with its bytes has finished, not earlier, and in order', async () => {
    const { socket, outbox } = await setUp();
    socket.hold();
    const sent: string[] = [];
    send(outbox, Buffer.from('one'));
    outbox.whenSent((error) => sent.push(error === null ? 'one' : 'lost'));
    outbox.flush();
    sendLarge(outbox, Buffer.alloc(10), Buffer.alloc(64 * KIB));
    outbox.whenSent((error) => sent.push(error === null ? 'two' : 'lost'));
    await turns();
    expect(sent).toEqual([]);
    socket.free(false);
    await turns();
    expect(sent).toEqual(['one']);
    outbox.destroy();
    expect(sent).toEqual(['one', 'lost']);
  });

  test('after notifyWhenEmpty(), onDrained is called when all data has left, even if the outbox was never blocked', async () => {
    const { outbox, owner } = await setUp();
    outbox.append(Buffer.alloc(100 * KIB), 0, false, null);
    outbox.notifyWhenEmpty();
    expect(owner.onDrained).not.toHaveBeenCalled();
    owner.onDrained.mockImplementation(() => outbox.stopNotifying());
    await turns();
    expect([outbox.bufferedAmount, owner.onDrained.mock.calls.length]).toEqual([0, 1]);
  });

  test('FAULT-1: if the application transfers a payload that still waits, the connection ends, and unsent bytes do not count as sent', async () => {
    const { socket, outbox, owner, budget } = await setUp();
    socket.hold();
    outbox.append(Buffer.alloc(128 * KIB), 0, false, null);
    outbox.flush();
    const outcomes: unknown[] = [];
    const payload = new Uint8Array(20_000);
    send(outbox, Buffer.from('before'));
    outbox.whenSent((error) => outcomes.push(error));
    sendLarge(outbox, Buffer.alloc(10), payload);
    structuredClone(payload.buffer, { transfer: [payload.buffer] });
    await turns();
    socket.free(true);
    await turns();
    expect(owner.onPayloadChanged).toHaveBeenCalledOnce();
    expect(outcomes).toEqual([expect.objectContaining({ code: 'WS_NOT_SENT' })]);
    expect([socket.destroyed, socket.bytes.length, budget.used]).toEqual([true, 128 * KIB, 0]);
  });
});

describe('the TLS sockets of the Node version that runs the tests', () => {
  afterEach(closeServers);

  /** Opens a TLS connection, and returns both ends. */
  async function pair(): Promise<{ here: TLSSocket; there: TLSSocket; close(): void }> {
    const server = createServer(tls);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    const there = tlsConnect({ port, host: '127.0.0.1', ca, servername: 'localhost' });
    const [here] = await accepted;
    const close = (): void => {
      here.destroy();
      there.destroy();
      server.close();
    };
    return { here, there, close };
  }

  test('FAULT-1: a TLS socket does not read the memory of a write after `write` has returned', async () => {
    const { here, there, close } = await pair();
    const received: Buffer[] = [];
    const sizes = [1, 100, 16_384, 65_546, 135_168, ...Array.from({ length: 60 }, () => 131_072), 7, 135_168];
    const sent: Buffer[] = [];
    const memory = Buffer.alloc(135_168);
    let isReading = false;
    for (const size of sizes) {
      const part = memory.subarray(0, size);
      part.set(randomBytes(size));
      sent.push(Buffer.from(part));
      const done = new Promise<void>((resolve) => {
        here.write(part, () => resolve());
      });
      memory.fill(0);
      const isStuck = await Promise.race([
        done.then(() => false),
        turns()
          .then(turns)
          .then(turns)
          .then(() => here.writableLength > 0),
      ]);
      if (isStuck && !isReading) {
        isReading = true;
        there.on('data', (chunk: Buffer) => received.push(chunk));
      }
      await done;
    }
    expect(isReading).toBe(true);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    await vi.waitUntil(() => received.reduce((sum, { length }) => sum + length, 0) === total, 60_000);
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
    close();
  });

  test('FAULT-1: data for a peer that does not read counts in bufferedAmount, and arrives unchanged when the peer reads again', async () => {
    const connections: Connection[] = [];
    let drains = 0;
    const { server, peer: dial } = await startServer(
      { open: (connection) => void connections.push(connection), drain: () => void drains++ },
      { maxMessageSize: 10_000_000 },
      'listen over TLS',
    );
    const peer = dial();
    peer.socket.write(requestHead());
    await vi.waitUntil(() => connections.length === 1);
    const connection = connections[0]!;
    await vi.waitUntil(() => peer.received.includes('\r\n\r\n'));
    peer.socket.pause();
    peer.socket.removeAllListeners('data');
    const chunks: Buffer[] = [];
    peer.socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    const payloads = Array.from({ length: 12 }, () => randomBytes(1_000_000));
    const copies = payloads.map((payload) => Buffer.from(payload));
    const sent: number[] = [];
    for (const [index, payload] of payloads.entries()) {
      connection.send(payload, {}, (error) => void (error === null && sent.push(index)));
      connection.send(`after ${index}`);
      await turns();
    }
    const waiting = connection.bufferedAmount;
    expect(waiting).toBeGreaterThan(1_000_000);
    expect(sent.length).toBeLessThan(payloads.length);
    expect(connection.send('still')).toBe(false);
    // These messages have left, so the application may reuse their memory.
    for (const index of sent) payloads[index]!.fill(0);
    await turns();
    expect(connection.bufferedAmount).toBeGreaterThanOrEqual(waiting);
    const drained = drains;
    peer.socket.resume();
    await connection.drained();
    expect(connection.bufferedAmount).toBe(0);
    expect(sent).toEqual(payloads.map((_, index) => index));
    const last = Buffer.from('still');
    await vi.waitUntil(() => chunks.at(-1)!.subarray(-5).equals(last));
    const frames = framesOf(Buffer.concat(chunks));
    expect(frames).toHaveLength(25);
    for (const [index, copy] of copies.entries()) {
      expect(frames[2 * index]!.payload.equals(copy)).toBe(true);
      expect(frames[2 * index + 1]!.payload.toString()).toBe(`after ${index}`);
    }
    expect(drains).toBe(drained + 1);
    expect(server.connections.size).toBe(1);
  });

  test('A32: a server with TLS stops reading from a peer that sends requests and does not read the replies', async () => {
    const reply = randomBytes(200_000);
    let asked = 0;
    const { server, peer: dial } = await startServer(
      {
        message: (connection) => {
          asked++;
          connection.send(reply);
        },
      },
      {},
      'listen over TLS',
    );
    const peer = dial();
    peer.socket.write(requestHead());
    await vi.waitUntil(() => peer.received.includes('\r\n\r\n'));
    peer.socket.pause();
    let received = 0;
    peer.socket.removeAllListeners('data');
    const [connection] = server.connections;
    const asks = 500;
    for (let count = 0; count < asks; count += 10) {
      for (let index = 0; index < 10; index++) peer.socket.write(frame(Op.Text, 'more'));
      await turns();
    }
    await turns();
    const before = asked;
    expect(before).toBeLessThan(asks / 2);
    // The server stops reading when its replies wait. So only the replies to the requests of one read can wait.
    expect(connection!.bufferedAmount).toBeLessThan(20 * reply.length);
    peer.socket.on('data', ({ length }: Buffer) => {
      received += length;
    });
    peer.socket.resume();
    await vi.waitUntil(() => received === asks * (reply.length + 10), 20_000);
    expect(asked).toBe(asks);
  });

  test('a server with TLS drops a peer that takes no data, even if the peer continues to send', async () => {
    const errors: { code?: string }[] = [];
    const connections: Connection[] = [];
    const { peer: dial } = await startServer(
      {
        open: (connection) => void connections.push(connection),
        error: (_connection, error) => void errors.push(error as { code?: string }),
      },
      { sendTimeout: 300 },
      'listen over TLS',
    );
    const peer = dial();
    peer.socket.write(requestHead());
    await vi.waitUntil(() => connections.length === 1);
    peer.socket.pause();
    connections[0]!.send(Buffer.alloc(30_000_000));
    const sending = setInterval(() => peer.socket.write(frame(Op.Pong)), 20);
    await connections[0]!.closed;
    clearInterval(sending);
    expect(errors.map(({ code }) => code)).toEqual(['WS_SEND_CAP']);
  });
});
