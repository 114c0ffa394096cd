import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageAssembler } from '../../src/frame/assembler.ts';
import { Charge } from '../../src/frame/charge.ts';
import { DEFAULT_MEMORY_BUDGET, MemoryBudget, processMemoryBudget } from '../../src/frame/memory-budget.ts';
import type { ProtocolError } from '../../src/frame/violation.ts';

const KIB = 1024;

/** Simulates a connection for the budget, and the peer that sends to this connection. */
class Peer {
  isRead = true;
  isStopped = false;
  wasShed: ProtocolError | null = null;
  /** The number of bytes that the peer has sent, but that the connection has not read yet. */
  inKernel = 0;
  received = 0;
  readonly assembler: MessageAssembler;
  #announced = 0;

  constructor(budget: MemoryBudget, maxMessageSize = 1024 * KIB) {
    const isStopped = (): boolean => this.isStopped;
    this.assembler = new MessageAssembler(maxMessageSize, budget, {
      get isStopped() {
        return isStopped();
      },
      waitForRoom: () => {
        this.isRead = false;
      },
      readOn: () => {
        this.isRead = true;
      },
      shed: (error) => {
        this.wasShed = error;
        this.assembler.leave();
      },
    });
  }

  get isHolding(): boolean {
    return this.assembler.heldBytes > 0;
  }

  /** Begins a message of one frame. */
  begin(size: number): void {
    this.#announced = size;
    this.inKernel += size;
    this.assembler.begin(true, false, 2, size);
  }

  /** Sends a fragment that is not the last one. */
  fragment(size: number): void {
    this.inKernel += size;
    this.assembler.begin(false, false, this.assembler.insideMessage ? 0 : 2, size);
  }

  /** Does what a socket does in one turn of the event loop. It reads one chunk, unless reading has stopped. */
  read(chunk = 64 * KIB): number {
    if (!this.isRead || this.isStopped || this.wasShed !== null || this.inKernel === 0) return 0;
    const size = Math.min(this.inKernel, chunk);
    this.inKernel -= size;
    this.received += size;
    this.assembler.append(Buffer.alloc(size), 0, size);
    if (this.#announced > 0 && this.inKernel === 0) {
      this.#announced = 0;
      this.assembler.take();
    }
    return size;
  }
}

/** Lets time pass, and calls `review` every half second. The real transport calls it once per second. */
function pass(budget: MemoryBudget, clock: { now: number }, milliseconds: number): void {
  for (let at = 0; at < milliseconds; at += 500) {
    clock.now += 500;
    budget.review();
  }
}

function setUp(limit: number): { budget: MemoryBudget; clock: { now: number } } {
  const clock = { now: 5000 };
  return { clock, budget: new MemoryBudget(limit, () => clock.now) };
}

test('F25: the memory budget of the process has a limit of 256 MiB', () => {
  expect(DEFAULT_MEMORY_BUDGET).toBe(256 * 1024 * 1024);
  expect(processMemoryBudget.limit).toBe(DEFAULT_MEMORY_BUDGET);
  expect(new MemoryBudget().limit).toBe(DEFAULT_MEMORY_BUDGET);
});

test('F25: a budget refuses a limit that is negative or not a number', () => {
  for (const limit of [NaN, -1, '5' as unknown as number]) {
    expect(() => new MemoryBudget(limit)).toThrow(RangeError);
  }
  expect(new MemoryBudget(0).limit).toBe(0);
});

test('F25: all connections are read until three quarters of the limit are used, and always if the limit is Infinity', () => {
  for (const limit of [1024 * KIB, Infinity]) {
    const { budget } = setUp(limit);
    const peers = Array.from({ length: 12 }, () => new Peer(budget));
    for (const peer of peers) {
      peer.fragment(64 * KIB);
      peer.read();
    }
    expect(peers.every(({ isRead }) => isRead)).toBe(true);
    expect(budget.used).toBe(12 * 64 * KIB);
    expect(budget.isWaiting).toBe(false);
  }
});

describe('a memory budget that is used up', () => {
  test('FAULT-4: if a budget has no room, connections are not read, lose no data, and later continue one after the other', () => {
    const { budget } = setUp(1024 * KIB);
    const peers = Array.from({ length: 20 }, () => new Peer(budget));
    for (const peer of peers) peer.begin(300 * KIB);
    let most = 0;
    for (let round = 0; round < 1000; round++) {
      for (const peer of peers) peer.read();
      most = Math.max(most, budget.used);
    }
    expect(peers.map(({ received }) => received)).toEqual(peers.map(() => 300 * KIB));
    expect(peers.map(({ wasShed }) => wasShed)).toEqual(peers.map(() => null));
    // Each connection counts the one chunk that it had already read. In addition, one message continued.
    expect(most).toBeLessThanOrEqual(20 * 64 * KIB + 1024 * KIB);
    expect(budget.used).toBe(0);
  });

  test('FAULT-4: large messages arrive although 600 small messages are never finished', () => {
    const { budget, clock } = setUp(4096 * KIB);
    const small = Array.from({ length: 600 }, () => new Peer(budget));
    for (const peer of small) {
      peer.fragment(6 * KIB);
      peer.read();
    }
    const large = Array.from({ length: 5 }, () => new Peer(budget));
    for (const peer of large) peer.begin(1000 * KIB);
    const run = (milliseconds: number): void => {
      for (let at = 0; at < milliseconds; at += 100) {
        for (const peer of large) peer.read();
        if (at % 500 === 0) pass(budget, clock, 500);
      }
    };
    run(20_000);
    expect(large.map(({ received, wasShed }) => [received, wasShed])).toEqual(
      large.map(() => [1000 * KIB, null]),
    );
    // A message of 6 KiB may be aborted only because other connections wait for memory.
    for (const { wasShed } of small) expect(wasShed?.code ?? 'WS_MEMORY_BUDGET').toBe('WS_MEMORY_BUDGET');
  });

  test('FAULT-4: a message without progress is aborted with 1013 after 2 seconds, but only while other connections wait', () => {
    const { budget, clock } = setUp(1000 * KIB);
    const holders = Array.from({ length: 12 }, () => new Peer(budget));
    for (const peer of holders) {
      peer.fragment(60 * KIB);
      peer.read();
    }
    // No other connection waits, so these messages without progress are not aborted. Only the message deadline applies to them.
    pass(budget, clock, 60_000);
    const others = Array.from({ length: 10 }, () => new Peer(budget));
    for (const peer of others) {
      peer.begin(500 * KIB);
      peer.read();
    }
    expect(budget.isWaiting).toBe(true);
    pass(budget, clock, 2000);
    expect(holders.filter(({ wasShed }) => wasShed !== null)).toEqual([]);
    pass(budget, clock, 1000);
    const shed = holders.filter(({ wasShed }) => wasShed !== null);
    expect(shed.length).toBeGreaterThan(0);
    expect(shed.every(({ wasShed }) => wasShed?.closeCode === 1013)).toBe(true);
    // Only as many connections are dropped as necessary.
    expect(budget.used).toBeGreaterThan(600 * KIB);
    expect(others.filter(({ isRead, wasShed }) => !isRead && wasShed !== null)).toEqual([]);
  });

  test('FAULT-4: the budget does not abort a message that arrives at 4 KiB per second, or a message whose connection waits to be read', () => {
    const { budget, clock } = setUp(1000 * KIB);
    const slow = new Peer(budget);
    const waiting = Array.from({ length: 14 }, () => new Peer(budget));
    for (const peer of [slow, ...waiting]) {
      peer.fragment(64 * KIB);
      peer.read();
    }
    expect(budget.isWaiting).toBe(true);
    for (let second = 0; second < 30; second++) {
      slow.fragment(4 * KIB);
      slow.read();
      pass(budget, clock, 1000);
    }
    expect(slow.wasShed).toBe(null);
    for (const peer of waiting) if (!peer.isRead) expect(peer.wasShed).toBe(null);
  });

  test('FAULT-2: after the process was suspended, the bytes that had arrived are read, and no message is aborted', () => {
    const { budget, clock } = setUp(1000 * KIB);
    const peers = Array.from({ length: 16 }, () => new Peer(budget));
    for (const peer of peers) {
      peer.fragment(64 * KIB);
      peer.read();
    }
    expect(budget.isWaiting).toBe(true);
    pass(budget, clock, 1000);
    clock.now += 60_000;
    budget.review();
    expect(peers.filter(({ wasShed }) => wasShed !== null)).toEqual([]);
  });

  test('FAULT-4: if the peer sends too little on the connection that is read, the next connection is read', () => {
    const { budget, clock } = setUp(1000 * KIB);
    const idle = Array.from({ length: 13 }, () => new Peer(budget));
    for (const peer of idle) {
      peer.fragment(60 * KIB);
      peer.read();
    }
    const honest = new Peer(budget);
    honest.begin(400 * KIB);
    for (let round = 0; round < 20 && honest.received < 400 * KIB; round++) {
      honest.read();
      pass(budget, clock, 500);
    }
    expect(honest.received).toBe(400 * KIB);
    expect(honest.wasShed).toBe(null);
  });

  test('FAULT-4: connections are not read while the application leaves too much data unread, but unsent data does not stop reading', () => {
    const { budget } = setUp(1000 * KIB);
    const unread = new Charge(budget, 1200 * KIB, true);
    const peer = new Peer(budget);
    peer.begin(200 * KIB);
    peer.read();
    expect(peer.isRead).toBe(false);
    unread.release();
    expect(peer.isRead).toBe(true);
    while (peer.read() > 0);
    expect(peer.received).toBe(200 * KIB);

    const queue = new Charge(budget, 5000 * KIB);
    const other = new Peer(budget);
    other.begin(200 * KIB);
    while (other.read() > 0);
    expect(other.received).toBe(200 * KIB);
    queue.release();
    expect(budget.used).toBe(0);
  });

  test('FAULT-4: a connection with messages that wait for the application is read again only when the budget has room', () => {
    const { budget } = setUp(1000 * KIB);
    const inbox = new Charge(budget, 980 * KIB, true);
    const peer = new Peer(budget);
    peer.assembler.askForRoom();
    expect(peer.isRead).toBe(false);
    inbox.release();
    expect(peer.isRead).toBe(true);
    peer.assembler.leave();
    peer.assembler.askForRoom();
    expect(budget.isWaiting).toBe(false);
  });

  test('F25: a connection that ends releases its memory, and then another connection is read', () => {
    const { budget } = setUp(100 * KIB);
    const peers = Array.from({ length: 5 }, () => new Peer(budget));
    for (const peer of peers) {
      peer.fragment(30 * KIB);
      peer.read();
    }
    for (const peer of peers) {
      expect(peers.some(({ isRead, isHolding }) => isRead && isHolding)).toBe(true);
      peer.assembler.leave();
    }
    expect([budget.used, budget.isWaiting]).toEqual([0, false]);
  });
});

describe('a memory budget with any events in any order', () => {
  const step = fc.record({
    peer: fc.nat(7),
    kind: fc.constantFrom(
      'begin',
      'fragment',
      'read',
      'read',
      'read',
      'clear',
      'leave',
      'pause',
      'time',
      'charge',
      'release',
    ),
    size: fc.integer({ min: 1, max: 200 * KIB }),
  });

  test('FAULT-4: after any events, the counted sum is never negative, no connection waits forever, and all memory is released', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.constantFrom(0, 50, 300, 1000), (steps, limit) => {
        const { budget, clock } = setUp(limit * KIB);
        const peers = Array.from({ length: 8 }, () => new Peer(budget, 300 * KIB));
        const charges: Charge[] = [];
        for (const { peer: index, kind, size } of steps) {
          const peer = peers[index]!;
          if (kind === 'read') peer.read();
          else if (kind === 'time') pass(budget, clock, 500);
          else if (kind === 'charge') charges.push(new Charge(budget, size, size % 2 === 0));
          else if (kind === 'release') charges.shift()?.release();
          else if (kind === 'leave') {
            peer.assembler.leave();
            peer.inKernel = 0;
            peers[index] = new Peer(budget, 300 * KIB);
          } else if (peer.wasShed === null && kind === 'clear') {
            peer.assembler.clear();
            peer.inKernel = 0;
          } else if (kind === 'pause') peer.isStopped = !peer.isStopped;
          else if (peer.wasShed === null && !peer.assembler.insideMessage) {
            if (kind === 'begin') peer.begin(size);
            else peer.fragment(size);
          }
          expect(budget.used).toBeGreaterThanOrEqual(0);
          expect(budget.unread).toBeGreaterThanOrEqual(0);
        }
        for (const charge of charges) charge.release();
        for (const peer of peers) peer.isStopped = false;
        // After at most this many rounds, all sent bytes must be read, except for those of aborted messages.
        for (let round = 0; round < 400; round++) {
          for (const peer of peers) peer.read();
          pass(budget, clock, 500);
        }
        for (const peer of peers) {
          if (peer.wasShed === null) expect(peer.inKernel).toBe(0);
          peer.assembler.leave();
        }
        expect([budget.used, budget.unread, budget.isWaiting]).toEqual([0, 0, false]);
      }),
      { numRuns: 300 },
    );
  });

  test('FAULT-4: a message that keeps arriving is never aborted', () => {
    const size = fc.integer({ min: 1, max: 300 * KIB });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 30 }), fc.nat(1000), (sizes, limit) => {
        const { budget, clock } = setUp(limit * KIB);
        const holders = Array.from({ length: 20 }, () => new Peer(budget, 300 * KIB));
        for (const peer of holders) {
          peer.fragment(20 * KIB);
          peer.read();
        }
        const honest = sizes.map(() => new Peer(budget, 300 * KIB));
        for (const [index, peer] of honest.entries()) peer.begin(sizes[index]!);
        for (let round = 0; round < 500; round++) {
          for (const peer of honest) peer.read();
          pass(budget, clock, 500);
        }
        expect(honest.map(({ wasShed }) => wasShed)).toEqual(sizes.map(() => null));
        expect(honest.map(({ received }) => received)).toEqual(sizes);
      }),
      { numRuns: 100 },
    );
  });
});
