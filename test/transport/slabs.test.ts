/**
 * Tests that each connection makes only one write per turn of the event loop, and that all slabs (shared write buffers) return to the pool.
 */
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { Batch } from '../../src/transport/batch.ts';
import { Outbox } from '../../src/transport/outbox.ts';
import { acquireSlab, MAX_SLAB_SIZE, releaseSlab, slabBytes } from '../../src/transport/slabs.ts';
import { FakeSocket, turn } from './fake-socket.ts';

function open(): { socket: FakeSocket; outbox: Outbox } {
  const socket = new FakeSocket();
  const nothing = (): void => {};
  const owner = {
    onDrained: nothing,
    onBlocked: nothing,
    onResumable: nothing,
    onClosing: nothing,
    onPayloadChanged: nothing,
    onDestroying: nothing,
  };
  const outbox = new Outbox(
    socket as Duplex,
    owner,
    { memoryBudget: new MemoryBudget(), sendCap: Number.POSITIVE_INFINITY },
    'taken',
  );
  return { socket, outbox };
}

function send(outbox: Outbox, bytes: Uint8Array): void {
  const { buffer, offset } = outbox.reserve(bytes.length);
  buffer.set(bytes, offset);
  outbox.commit(bytes.length);
}

describe('the batch of a connection (bytes that wait for the end of the turn)', () => {
  test('FAULT-4: a batch without bytes holds no slab (shared write buffer)', () => {
    const batch = new Batch();
    batch.grow(60_000);
    expect(batch.buffer.length).toBe(MAX_SLAB_SIZE);
    batch.commit(60_000);
    batch.clear();
    expect(batch.buffer.length).toBe(0);
    batch.grow(100);
    batch.commit(100);
    batch.takePart();
    releaseSlab(batch.leaveSlab()!);
    expect(batch.buffer.length).toBe(0);
  });
});

describe('the pool of slabs (shared write buffers)', () => {
  test('a slab has at least the requested size, and less than twice this size', () => {
    for (const size of [1, 255, 256, 257, 1_000, 1_024, 1_025, 32_769, MAX_SLAB_SIZE]) {
      const slab = acquireSlab(size);
      expect(slab.length).toBeGreaterThanOrEqual(size);
      expect(slab.length).toBeLessThan(Math.max(257, size * 2));
      releaseSlab(slab);
    }
    expect(slabBytes().inUse).toBe(0);
  });

  test('the pool keeps at most 4 MiB of free slabs, whatever their sizes are', () => {
    for (let size = 256; size <= MAX_SLAB_SIZE; size *= 2) {
      const slabs = Array.from({ length: (4 * 1024 * 1024) / size }, () => acquireSlab(size));
      for (const slab of slabs) releaseSlab(slab);
      expect(slabBytes().free).toBeLessThanOrEqual(4 * 1024 * 1024);
    }
    expect(slabBytes().inUse).toBe(0);
  });
});

describe('one write for each connection and turn of the event loop', () => {
  test.each([
    [64, 16],
    [65, 16],
    [1_000, 16],
    [10_000, 16],
  ])(
    'if %i connections send %i messages each in a turn, each connection has only one write in this turn',
    async (connections, messages) => {
      const lines = Array.from({ length: connections }, open);
      const message = Buffer.alloc(66, 0x61);
      // In the second round, each batch begins with a slab of the size that it needed in the first round.
      for (const round of [1, 2]) {
        for (let index = 0; index < messages; index++) for (const { outbox } of lines) send(outbox, message);
        await turn();
        expect(Math.max(...lines.map(({ socket }) => socket.writes))).toBe(round);
        expect(slabBytes().inUse).toBe(0);
      }
      for (const { outbox, socket } of lines) {
        expect(socket.bytes.length).toBe(2 * messages * message.length);
        outbox.destroy();
      }
    },
  );

  test('if more than 32 MiB are sent together, few writes are used', async () => {
    const lines = Array.from({ length: 5_000 }, open);
    const message = Buffer.alloc(600, 0x61);
    for (let index = 0; index < 16; index++) for (const { outbox } of lines) send(outbox, message);
    expect(slabBytes().inUse).toBeLessThanOrEqual(32 * 1024 * 1024 + MAX_SLAB_SIZE);
    await turn();
    const writes = lines.reduce((sum, { socket }) => sum + socket.writes, 0);
    expect(writes / lines.length).toBeLessThan(6);
    expect(lines.every(({ socket }) => socket.bytes.length === 16 * 600)).toBe(true);
    for (const { outbox } of lines) outbox.destroy();
  });

  test('a callback at the end of a turn can send to all connections, and at most 32 MiB of slabs (shared write buffers) are in use', async () => {
    const lines = Array.from({ length: 2_000 }, open);
    for (const { outbox } of lines) send(outbox, Buffer.alloc(100));
    let most = 0;
    lines[0]!.outbox.whenSent(() => {
      for (let index = 0; index < 40; index++) {
        for (const { outbox } of lines) send(outbox, Buffer.alloc(1_000));
        most = Math.max(most, slabBytes().inUse);
      }
    });
    await turn();
    await turn();
    expect(most).toBeGreaterThan(16 * 1024 * 1024);
    expect(most).toBeLessThanOrEqual(32 * 1024 * 1024 + MAX_SLAB_SIZE);
    expect(lines.every(({ socket }) => socket.bytes.length === 100 + 40 * 1_000)).toBe(true);
    for (const { outbox } of lines) outbox.destroy();
    expect(slabBytes().inUse).toBe(0);
  });

  test('small messages before and after a large payload arrive unchanged when the slab (shared write buffer) grows', async () => {
    const { outbox, socket } = open();
    const expected: Buffer[] = [];
    for (let index = 0; index < 20; index++) {
      const small = Buffer.alloc(200, index);
      const large = Buffer.alloc(2_000, 0x80 + index);
      expected.push(small, large);
      send(outbox, small);
      outbox.append(large, 0, index % 2 === 0, null);
    }
    await turn();
    expect(socket.bytes.equals(Buffer.concat(expected))).toBe(true);
    expect(socket.writes).toBe(1);
    outbox.destroy();
  });
});

test('A40: messages of any size arrive in order, whenever sockets are blocked, and all slabs return to the pool', async () => {
  const step = fc.record({
    line: fc.nat(5),
    kind: fc.constantFrom('send', 'send', 'send', 'append', 'block', 'take', 'open', 'turn', 'destroy'),
    size: fc.oneof(fc.nat(300), fc.nat(12_000)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const lines = Array.from({ length: 6 }, () => ({
        ...open(),
        expected: [] as Buffer[],
        destroyed: false,
      }));
      let value = 0;
      for (const { line, kind, size } of steps) {
        const target = lines[line]!;
        const bytes = Buffer.alloc(size, ++value);
        if (kind === 'turn') await turn();
        else if (kind === 'block') target.socket.block();
        else if (kind === 'take') target.socket.takeWaiting();
        else if (kind === 'open') target.socket.takeWaiting(true);
        else if (kind === 'destroy') {
          target.destroyed = true;
          target.outbox.destroy();
        } else if (!target.destroyed) {
          target.expected.push(bytes);
          if (kind === 'send') send(target.outbox, bytes);
          else target.outbox.append(bytes, 0, size % 2 === 0, null);
        }
      }
      for (const { outbox, socket, expected, destroyed } of lines) {
        outbox.end();
        while (!destroyed && !socket.finished) {
          socket.takeWaiting(true);
          await turn();
        }
        const all = Buffer.concat(expected);
        expect(socket.bytes.equals(destroyed ? all.subarray(0, socket.bytes.length) : all)).toBe(true);
      }
      await turn();
      expect(slabBytes()).toMatchObject({ inUse: 0, inFlight: 0 });
    }),
    { numRuns: 100 },
  );
});
