/** Tests how an outbox (the send buffer of a connection) joins and orders writes, applies backpressure and notifies senders. */
import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { Outbox, type OutboxOptions, type OutboxOwner } from '../../src/transport/outbox.ts';
import type { Ownership } from '../../src/transport/ownership.ts';
import { FakeSocket, turn } from './fake-socket.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

interface Line {
  readonly socket: FakeSocket;
  readonly outbox: Outbox;
  readonly owner: Record<keyof OutboxOwner, ReturnType<typeof vi.fn<() => void>>>;
  readonly budget: MemoryBudget;
}

function setUp(options: Partial<OutboxOptions> & { ownership?: Ownership; socket?: FakeSocket } = {}): Line {
  const socket = options.socket ?? new FakeSocket();
  const owner = {
    onDrained: vi.fn<() => void>(),
    onBlocked: vi.fn<() => void>(),
    onResumable: vi.fn<() => void>(),
    onClosing: vi.fn<() => void>(),
    onPayloadChanged: vi.fn<() => void>(),
    onDestroying: vi.fn<() => void>(),
  };
  const budget = new MemoryBudget();
  const outbox = new Outbox(
    socket as Duplex,
    owner,
    {
      memoryBudget: options.memoryBudget ?? budget,
      sendCap: options.sendCap ?? Number.POSITIVE_INFINITY,
    },
    options.ownership ?? 'taken',
  );
  return { socket, outbox, owner, budget };
}

/** Sends bytes in the same way as the endpoint sends a small frame: it reserves room and writes the bytes there. */
function send(outbox: Outbox, bytes: Uint8Array): void {
  const { buffer, offset } = outbox.reserve(bytes.length + 10);
  buffer.set(bytes, offset);
  outbox.commit(bytes.length);
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

describe('an outbox (the send buffer of a connection) joins small writes', () => {
  test('all frames that are sent within one turn of the event loop leave in one write, at the end of this turn', async () => {
    const { socket, outbox } = setUp();
    for (let index = 0; index < 100; index++) send(outbox, text(`${index},`));
    expect(socket.writes).toBe(0);
    await turn();
    expect(socket.writes).toBe(1);
    expect(socket.bytes.toString()).toBe(Array.from({ length: 100 }, (_, index) => `${index},`).join(''));
    await turn();
    expect(socket.writes).toBe(1);
  });

  test('small and large messages of one turn of the event loop leave together in one write', async () => {
    const { socket, outbox } = setUp();
    send(outbox, text('header '));
    outbox.append(text('payload '), 0, false, null);
    send(outbox, text('next'));
    await turn();
    expect(socket.writes).toBe(1);
    expect(socket.bytes.toString()).toBe('header payload next');
  });

  test('when 64 KiB wait in an outbox, the outbox writes them immediately', () => {
    const { socket, outbox } = setUp();
    const piece = Buffer.alloc(KIB, 1);
    for (let index = 0; index < 63; index++) send(outbox, piece);
    expect(socket.bytes.length).toBe(0);
    for (let index = 63; index < 200; index++) send(outbox, piece);
    expect(socket.bytes.length).toBeGreaterThanOrEqual(128 * KIB);
    outbox.flush();
    expect(socket.bytes.length).toBe(200 * KIB);
  });

  test('closing() and end() immediately write the bytes that wait', () => {
    const { socket, outbox, owner } = setUp();
    send(outbox, text('Close'));
    outbox.closing();
    expect(socket.bytes.toString()).toBe('Close');
    expect(owner.onClosing).toHaveBeenCalledOnce();
    send(outbox, text('!'));
    outbox.end();
    expect(socket.bytes.toString()).toBe('Close!');
    expect(socket.writableEnded).toBe(true);
  });

  test('if the application cannot change a large payload, the outbox writes the payload without a copy', () => {
    const { socket, outbox } = setUp();
    const payload = randomFillSync(Buffer.alloc(20 * KIB));
    outbox.append(payload, 0, true, null);
    outbox.flush();
    expect(socket.handed.some((chunk) => chunk.buffer === payload.buffer)).toBe(true);
  });

  test('FAULT-1: if a payload belongs to the application, the socket receives only copies of slices of the payload', async () => {
    const { socket, outbox, owner } = setUp();
    socket.block();
    const payload = randomFillSync(Buffer.alloc(200 * KIB));
    const before = Buffer.from(payload);
    outbox.append(payload, 0, false, null);
    outbox.flush();
    expect(socket.handed.every((chunk) => chunk.buffer !== payload.buffer)).toBe(true);
    // The blocked socket still reads a copy. The copy must not change if the payload changes, or if other connections send.
    payload.fill(0, 0, 64 * KIB);
    const other = setUp();
    other.outbox.append(Buffer.alloc(60 * KIB, 9), 0, false, null);
    other.outbox.flush();
    socket.takeWaiting();
    await turn();
    expect(socket.bytes.subarray(0, 64 * KIB).equals(before.subarray(0, 64 * KIB))).toBe(true);
    // The application transfers the payload before all of it has left. After that, the socket must receive no more bytes of the payload.
    structuredClone(payload.buffer, { transfer: [payload.buffer as ArrayBuffer] });
    socket.takeWaiting();
    await turn();
    expect(owner.onPayloadChanged).toHaveBeenCalledTimes(1);
    expect(socket.bytes.length).toBeLessThanOrEqual(128 * KIB);
    outbox.destroy();
  });

  test('a Duplex that may keep the memory of a write receives only copies [O9]', async () => {
    const { socket, outbox } = setUp({ ownership: 'kept' });
    const payload = randomFillSync(Buffer.alloc(20 * KIB));
    const before = Buffer.from(payload);
    send(outbox, text('small'));
    outbox.append(payload, 0, false, null);
    outbox.flush();
    for (let index = 0; index < 50; index++) send(outbox, Buffer.alloc(2 * KIB, 0xa5));
    payload.fill(0);
    await turn();
    // The bytes that the Duplex has received have not changed.
    expect(Buffer.concat(socket.handed).subarray(0, 5 + before.length)).toEqual(
      Buffer.concat([text('small'), before]),
    );
  });
});

describe('the order and contents of the bytes in slabs (shared write buffers)', () => {
  type Operation =
    | { readonly kind: 'small' | 'large'; readonly size: number }
    | { readonly kind: 'flush' | 'turn' | 'block' | 'take' | 'open' };
  const operations = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('small' as const), size: fc.nat(4_200) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('large' as const), size: fc.nat(300_000) }) },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constantFrom('flush', 'turn', 'block', 'take', 'open' as const) }),
      },
    ),
    { maxLength: 60 },
  ) as fc.Arbitrary<Operation[]>;

  // Several outboxes share the pool of slabs. If a slab is released too early, another outbox overwrites it, and the peer receives wrong
  // bytes.
  test.each<Ownership>(['taken', 'kept'])(
    'A40: the socket receives exactly the bytes that were sent, in order, if its ownership of memory is %s',
    async (ownership) => {
      await fc.assert(
        fc.asyncProperty(fc.array(operations, { minLength: 1, maxLength: 4 }), async (scripts) => {
          let seed = 1;
          const next = (): number => {
            seed = (seed * 16_807) % 2_147_483_647;
            return seed & 0xff;
          };
          const lines = scripts.map((script) => ({
            ...setUp({ ownership }),
            script,
            expected: [] as Buffer[],
          }));
          const longest = Math.max(...scripts.map(({ length }) => length));
          for (let step = 0; step < longest; step++) {
            for (const { outbox, socket, script, expected } of lines) {
              const operation = script[step];
              if (operation === undefined) continue;
              if (operation.kind === 'small' || operation.kind === 'large') {
                const bytes = Buffer.alloc(operation.size);
                for (let at = 0; at < bytes.length; at++) bytes[at] = next();
                expected.push(bytes);
                if (operation.kind === 'small') send(outbox, bytes);
                else outbox.append(bytes, 0, false, null);
              } else if (operation.kind === 'flush') outbox.flush();
              else if (operation.kind === 'block') socket.block();
              else if (operation.kind === 'take') socket.takeWaiting();
              else if (operation.kind === 'open') socket.takeWaiting(true);
              else await turn();
              const out = socket.taken.reduce((sum, { length }) => sum + length, 0);
              const sent = expected.reduce((sum, { length }) => sum + length, 0);
              // The socket counts the bytes of a write until the callback of this write has run.
              expect(outbox.bufferedAmount).toBeGreaterThanOrEqual(sent - out);
            }
          }
          for (const { outbox, socket, expected, budget } of lines) {
            outbox.end();
            while (!socket.finished) {
              socket.takeWaiting(true);
              await turn();
            }
            expect(socket.bytes.equals(Buffer.concat(expected))).toBe(true);
            expect(outbox.bufferedAmount).toBe(0);
            expect(budget.used).toBe(0);
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  test('A40: while a blocked socket still reads from a slab, no other connection uses this slab', async () => {
    const blocked = setUp();
    blocked.socket.block();
    send(blocked.outbox, text('in flight'));
    blocked.outbox.flush();
    // The other connections receive other slabs.
    const others = Array.from({ length: 100 }, () => setUp());
    for (const { outbox } of others) send(outbox, Buffer.alloc(4 * KIB, 0xa5));
    await turn();
    blocked.socket.takeWaiting(true);
    await turn();
    expect(blocked.socket.bytes.toString()).toBe('in flight');
  });

  test('when many sockets are blocked, only some of them keep a slab of 64 KiB', async () => {
    const lines = Array.from({ length: 300 }, () => setUp());
    for (const { outbox, socket } of lines) {
      socket.block();
      for (let index = 0; index < 9; index++) send(outbox, Buffer.alloc(4 * KIB, 7));
      outbox.flush();
    }
    const slabs = new Set(
      lines
        .flatMap(({ socket }) => socket.handed.map(({ buffer }) => buffer))
        .filter(({ byteLength }) => byteLength === 64 * KIB),
    );
    expect(slabs.size).toBeGreaterThan(0);
    expect(slabs.size).toBeLessThanOrEqual(33);
    for (const { outbox } of lines) outbox.destroy();
    await turn();
  });

  test('a frame header and its payload of 64 KiB leave in one write', async () => {
    const { socket, outbox } = setUp();
    const payload = randomFillSync(Buffer.alloc(64 * KIB));
    const { buffer, offset } = outbox.reserve(10);
    buffer.fill(7, offset, offset + 10);
    outbox.append(payload, 10, false, null);
    await turn();
    expect(socket.writes).toBe(1);
    expect(socket.bytes.equals(Buffer.concat([Buffer.alloc(10, 7), payload]))).toBe(true);
  });

  test('bytes that were reserved but not committed never leave', async () => {
    const { socket, outbox } = setUp();
    const { buffer, offset } = outbox.reserve(100);
    buffer.fill(0xa5, offset, offset + 100);
    outbox.commit(3);
    const next = outbox.reserve(50);
    next.buffer.fill(0x5a, next.offset, next.offset + 50);
    outbox.commit(0);
    await turn();
    expect(socket.bytes).toEqual(Buffer.alloc(3, 0xa5));
  });

  /**
   * Makes a socket that passes on its bytes before `write` returns, like duplexPair of Node. `answer` is called inside `write`, and may
   * send.
   */
  function answering(answer: (written: number) => void): FakeSocket {
    const socket = new FakeSocket();
    const write = socket._write.bind(socket);
    let written = 0;
    socket._write = (chunk, encoding, callback) => {
      written += chunk.length;
      if (chunk.length > 0) answer(written);
      write(chunk, encoding, callback);
    };
    // Without _writev, the Duplex takes the chunks of a write one by one. So `answer` is called for each chunk.
    Object.defineProperty(socket, '_writev', { value: undefined });
    return socket;
  }

  test.each<Ownership>(['taken', 'kept'])(
    'messages that are sent while `write` runs leave after the bytes of this write (ownership of memory: %s)',
    async (ownership) => {
      let depth = 0;
      const sent: Buffer[] = [];
      const sendSmall = (bytes: Buffer): void => {
        sent.push(bytes);
        send(outbox, bytes);
      };
      const sendLarge = (bytes: Buffer): void => {
        sent.push(bytes);
        outbox.append(bytes, 0, false, null);
      };
      const socket = answering(() => {
        if (++depth > 6) return;
        sendSmall(Buffer.alloc(3_000, depth));
        sendLarge(Buffer.alloc(70_000, 0x40 + depth));
        sendSmall(Buffer.alloc(3_000, 0x80 + depth));
        if (depth % 2 === 0) outbox.flush();
      });
      const { outbox } = setUp({ socket, ownership });
      sendSmall(Buffer.alloc(2_000, 0xf1));
      sendLarge(Buffer.alloc(200_000, 0xf2));
      sendSmall(Buffer.alloc(2_000, 0xf3));
      for (let index = 0; index < 20; index++) await turn();
      outbox.end();
      for (let index = 0; index < 20; index++) await turn();
      expect(depth).toBeGreaterThan(6);
      expect(socket.bytes.equals(Buffer.concat(sent))).toBe(true);
      expect(socket.finished).toBe(true);
    },
  );

  test('small frames that are sent while `write` runs arrive in order, even if they fill several slabs', async () => {
    let answered = false;
    const socket: FakeSocket = answering(() => {
      if (answered) return;
      answered = true;
      for (let index = 0; index < 100; index++) send(outbox, Buffer.alloc(2 * KIB, index));
    });
    const { outbox } = setUp({ socket });
    send(outbox, text('first'));
    outbox.flush();
    await turn();
    await turn();
    const expected = [
      text('first'),
      ...Array.from({ length: 100 }, (_, index) => Buffer.alloc(2 * KIB, index)),
    ];
    expect(socket.bytes.equals(Buffer.concat(expected))).toBe(true);
  });

  test('if destroy() is called while `write` runs, the outbox drops its bytes and accepts no more', async () => {
    const socket: FakeSocket = answering(() => {
      send(outbox, text('more'));
      outbox.destroy();
      send(outbox, text('too late'));
    });
    const { outbox, budget } = setUp({ socket });
    outbox.append(Buffer.alloc(500_000), 0, false, null);
    outbox.flush();
    await turn();
    expect(socket.destroyed).toBe(true);
    expect([outbox.bufferedAmount, budget.used]).toEqual([0, 0]);
  });

  test('if the socket of one connection throws in a write, the other connections still send [A48]', async () => {
    const broken = setUp();
    broken.socket._write = () => {
      throw new Error('a broken transport');
    };
    const errors: Error[] = [];
    broken.socket.on('error', (error) => errors.push(error));
    const good = setUp();
    send(broken.outbox, text('lost'));
    send(good.outbox, text('arrives'));
    await turn();
    expect(good.socket.bytes.toString()).toBe('arrives');
    expect(errors.map(({ message }) => message)).toEqual(['a broken transport']);
  });
});

describe('backpressure', () => {
  test('an outbox passes no data to a blocked socket until the socket has taken all earlier data', async () => {
    const { socket, outbox, owner } = setUp();
    socket.block();
    send(outbox, text('one '));
    outbox.flush();
    expect([outbox.blocked, owner.onBlocked.mock.calls.length]).toEqual([true, 1]);
    send(outbox, text('two '));
    outbox.append(text('three '), 0, false, null);
    await turn();
    expect(socket.writes).toBe(1);
    expect(outbox.bufferedAmount).toBe('one two three '.length);
    socket.takeWaiting();
    await turn();
    expect(socket.writes).toBe(2);
    expect(owner.onDrained).not.toHaveBeenCalled();
    socket.takeWaiting(true);
    await turn();
    expect(socket.bytes.toString()).toBe('one two three ');
    expect(owner.onDrained).toHaveBeenCalledOnce();
    expect([outbox.blocked, outbox.bufferedAmount]).toEqual([false, 0]);
  });

  test('an outbox writes to a slow socket in slices of 64 KiB, so that bufferedAmount shows the progress of the peer', async () => {
    const { socket, outbox } = setUp();
    socket.block();
    outbox.append(Buffer.alloc(4 * MIB), 0, false, null);
    outbox.flush();
    let steps = 0;
    while (outbox.bufferedAmount > 0) {
      const before = outbox.bufferedAmount;
      socket.takeWaiting();
      await turn();
      expect(before - outbox.bufferedAmount).toBeLessThanOrEqual(64 * KIB);
      steps++;
    }
    expect(steps).toBe(64);
  });
});

describe('notifications that bytes have left an outbox (the send buffer)', () => {
  test('whenSent calls its callback when all earlier bytes have left, and never before the current call has returned', async () => {
    const { socket, outbox } = setUp();
    const sent: string[] = [];
    const note = (name: string) => (error: Error | null) => void sent.push(error === null ? name : 'lost');
    outbox.whenSent(note('nothing'));
    send(outbox, text('one'));
    outbox.whenSent(note('one'));
    outbox.append(Buffer.alloc(200 * KIB), 0, false, null);
    outbox.whenSent(note('two'));
    // More than 64 KiB were sent. So the outbox has already written all bytes, and the socket has taken them.
    expect([socket.bytes.length, sent]).toEqual([200 * KIB + 3, []]);
    await turn();
    expect(sent).toEqual(['nothing', 'one', 'two']);
    socket.block();
    outbox.append(Buffer.alloc(100 * KIB), 0, false, null);
    outbox.whenSent(note('three'));
    send(outbox, text('four'));
    outbox.whenSent(note('four'));
    await turn();
    expect(sent).toHaveLength(3);
    while (socket.isWaiting) {
      expect(sent).not.toContain('four');
      socket.takeWaiting();
      await turn();
    }
    expect(sent).toEqual(['nothing', 'one', 'two', 'three', 'four']);
  });

  test('if the bytes never leave, whenSent calls its callback once with the error, even after destroy()', async () => {
    const { socket, outbox } = setUp();
    const outcomes: unknown[] = [];
    const note = (error: Error | null): void => void outcomes.push(error === null ? 'sent' : error);
    send(outbox, text('left'));
    outbox.whenSent(note);
    outbox.flush();
    socket.block();
    send(outbox, text('given to the socket'));
    outbox.whenSent(note);
    outbox.flush();
    send(outbox, text('waits'));
    outbox.whenSent(note);
    outbox.destroy();
    outbox.whenSent(note);
    await turn();
    const lost = expect.objectContaining({ code: 'WS_NOT_SENT' });
    expect(outcomes).toEqual(['sent', lost, lost, lost]);
  });

  test.each<Ownership>(['taken', 'encrypted', 'kept'])(
    "if a socket's ownership of memory is %s, the last write has the callback, and no empty write follows",
    async (ownership) => {
      const { socket, outbox } = setUp({ ownership });
      socket.block();
      for (let index = 0; index < 5; index++) {
        send(outbox, text('small'));
        outbox.append(Buffer.alloc(100 * KIB), 0, false, null);
        await turn();
        socket.takeWaiting();
        await turn();
        // The socket did not take the previous write immediately. Therefore this small write has the callback.
        send(outbox, text('small'));
        await turn();
        socket.takeWaiting();
        await turn();
      }
      socket.takeWaiting(true);
      await turn();
      expect(outbox.bufferedAmount).toBe(0);
      expect(socket.handed.filter(({ length }) => length === 0)).toEqual([]);
    },
  );

  test('a small write has no callback if the socket takes the bytes immediately', async () => {
    const { socket, outbox } = setUp();
    const write = vi.spyOn(socket, 'write');
    const sent = vi.fn();
    send(outbox, text('small'));
    outbox.whenSent(sent);
    await turn();
    expect(write.mock.calls.map(([, callback]) => callback)).toEqual([undefined]);
    expect(sent).toHaveBeenCalledExactlyOnceWith(null);
  });

  test.each<Ownership>(['encrypted', 'kept'])(
    "if a socket's ownership of memory is %s, each write has a callback, because the socket finishes later",
    async (ownership) => {
      const { socket, outbox } = setUp({ ownership });
      const write = vi.spyOn(socket, 'write');
      send(outbox, text('small'));
      await turn();
      expect(write.mock.calls.map(([, callback]) => callback)).toEqual([expect.any(Function)]);
    },
  );

  test('if a socket delays a small write, the outbox adds an empty write, and the callback of this write notifies the sender', async () => {
    const { socket, outbox, owner } = setUp();
    const sent = vi.fn();
    socket.block();
    send(outbox, text('small'));
    outbox.whenSent(sent);
    await turn();
    expect(owner.onBlocked).toHaveBeenCalledOnce();
    expect(sent).not.toHaveBeenCalled();
    socket.takeWaiting(true);
    await turn();
    expect(sent).toHaveBeenCalledExactlyOnceWith(null);
    expect(owner.onDrained).toHaveBeenCalledOnce();
    expect(socket.handed.map(({ length }) => length)).toEqual([text('small').length, 0]);
  });

  test('if the write of zero bytes throws, the outbox destroys the socket, and the exception does not reach the caller', async () => {
    const { socket, outbox } = setUp();
    const error = new Error('broken transport');
    const write = socket.write.bind(socket) as (chunk: Buffer) => boolean;
    vi.spyOn(socket, 'write').mockImplementation((chunk: Buffer) => {
      if (chunk.length === 0) throw error;
      return write(chunk);
    });
    const failed = vi.fn();
    socket.on('error', failed);
    socket.block();
    send(outbox, text('small'));
    expect(() => outbox.flush()).not.toThrow();
    await turn();
    expect(socket.destroyed).toBe(true);
    expect(failed).toHaveBeenCalledExactlyOnceWith(error);
  });

  test.each([true, false])(
    'FAULT-1: if the application transfers a payload that still waits, the connection ends and reports this once (the socket was blocked: %s)',
    async (isBlocked) => {
      const { socket, outbox, owner } = setUp();
      if (isBlocked) {
        socket.block();
        send(outbox, text('first'));
        outbox.flush();
      }
      const payload = new Uint8Array(20_000);
      outbox.append(payload, 0, false, null);
      structuredClone(payload.buffer, { transfer: [payload.buffer] });
      await turn();
      socket.takeWaiting(true);
      await turn();
      expect(owner.onPayloadChanged).toHaveBeenCalledOnce();
      expect([socket.destroyed, socket.bytes.toString()]).toEqual([true, isBlocked ? 'first' : '']);
    },
  );

  test('FAULT-4: a connection that sends a shared frame keeps the memory of this frame until the bytes have left, and does not count this memory in its own budget', async () => {
    const lines = [setUp(), setUp(), setUp()];
    const shared = {
      bytes: 100 * KIB,
      holders: 1,
      hold: () => shared.holders++,
      release: () => shared.holders--,
    };
    const frame = Buffer.alloc(100 * KIB);
    const [open, slow, dropped] = lines as [Line, Line, Line];
    slow.socket.block();
    dropped.socket.block();
    for (const { outbox } of lines) outbox.append(frame, 0, true, shared);
    send(slow.outbox, Buffer.alloc(10));
    await turn();
    expect(shared.holders).toBe(3);
    expect(lines.map(({ budget }) => budget.used)).toEqual([0, 10, 0]);
    dropped.outbox.destroy();
    expect(shared.holders).toBe(2);
    slow.socket.takeWaiting(true);
    await turn();
    expect(shared.holders).toBe(1);
    expect([open, slow, dropped].map(({ budget, outbox }) => budget.used + outbox.bufferedAmount)).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('counting the bytes that wait in an outbox (the send buffer)', () => {
  test('data that waits counts in the memory budget until it leaves or is dropped', async () => {
    const { socket, outbox, budget } = setUp();
    socket.block();
    outbox.append(Buffer.alloc(500 * KIB), 0, false, null);
    send(outbox, Buffer.alloc(100));
    await turn();
    expect(budget.used).toBe(500 * KIB + 100);
    socket.takeWaiting();
    await turn();
    expect(budget.used).toBe(500 * KIB + 100 - 64 * KIB);
    socket.takeWaiting(true);
    await turn();
    expect(budget.used).toBe(0);
    socket.block();
    outbox.append(Buffer.alloc(500 * KIB), 0, false, null);
    await turn();
    outbox.destroy();
    expect([budget.used, outbox.bufferedAmount]).toEqual([0, 0]);
  });

  test('bufferedAmount is always the exact number of bytes that have not left', async () => {
    const { socket, outbox } = setUp();
    send(outbox, Buffer.alloc(7));
    expect(outbox.bufferedAmount).toBe(7);
    await turn();
    expect(outbox.bufferedAmount).toBe(0);
    socket.block();
    send(outbox, Buffer.alloc(11));
    outbox.append(Buffer.alloc(300_000), 0, false, null);
    expect(outbox.bufferedAmount).toBe(300_011);
    send(outbox, Buffer.alloc(5));
    expect(outbox.bufferedAmount).toBe(300_016);
    await turn();
    expect(outbox.bufferedAmount).toBe(300_016);
    socket.takeWaiting();
    await turn();
    expect(outbox.bufferedAmount).toBe(300_016 - 64 * KIB);
    socket.takeWaiting(true);
    await turn();
    expect(outbox.bufferedAmount).toBe(0);
  });
});

describe('the end of an outbox', () => {
  test('C9: end() ends the socket once, after all data that waits has left', async () => {
    const { socket, outbox } = setUp();
    socket.block();
    outbox.append(Buffer.alloc(200 * KIB, 1), 0, false, null);
    send(outbox, text('last'));
    outbox.end();
    outbox.end();
    await turn();
    expect(socket.writableEnded).toBe(false);
    while (socket.isWaiting) {
      expect(socket.finished).toBe(false);
      socket.takeWaiting();
      await turn();
    }
    expect(socket.finished).toBe(true);
    expect(socket.bytes.subarray(-4).toString()).toBe('last');
    expect(socket.bytes.length).toBe(200 * KIB + 4);
  });

  test('after destroy(), an outbox writes nothing, and sending has no effect', async () => {
    const { socket, outbox, budget, owner } = setUp();
    socket.block();
    outbox.append(Buffer.alloc(200 * KIB), 0, false, null);
    outbox.flush();
    outbox.destroy();
    outbox.destroy();
    for (let index = 0; index < 200; index++) send(outbox, Buffer.alloc(KIB));
    outbox.append(Buffer.alloc(200 * KIB), 0, false, null);
    outbox.flush();
    outbox.closing();
    outbox.end();
    await turn();
    expect(socket.destroyed).toBe(true);
    expect([outbox.bufferedAmount, budget.used]).toEqual([0, 0]);
    expect(owner.onDrained).not.toHaveBeenCalled();
  });

  test('an outbox drops its data if other code destroys the blocked socket', async () => {
    const { socket, outbox, budget, owner } = setUp();
    socket.on('error', () => {});
    socket.on('close', () => outbox.release());
    socket.block();
    outbox.append(Buffer.alloc(200 * KIB), 0, false, null);
    outbox.flush();
    socket.destroy(new Error('reset'));
    await turn();
    expect([outbox.bufferedAmount, budget.used, outbox.blocked]).toEqual([0, 0, false]);
    expect(owner.onDrained).not.toHaveBeenCalled();
  });
});
