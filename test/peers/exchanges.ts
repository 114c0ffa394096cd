/**
 * Exchanges between our end and a peer. Each function is one exchange. It works if our end is the client, and also if our end is the
 * server. exchanges.test.ts and test/interop call these functions. The titles and the requirement ids are there.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import type { End, Ending, Message, OpenOptions, Pair } from './end.ts';
import type { OurEnd } from './our-end.ts';

export type Open = (options?: OpenOptions) => Promise<Pair<OurEnd>>;

export const MiB = 1_048_576;

/** The smallest and the largest size of each length form (§5.2), and the largest message that our server accepts by default. */
export const sizes: readonly number[] = [0, 1, 125, 126, 127, 65_535, 65_536, MiB];

/** Opens a connection for one exchange, and always releases it. */
export async function exchange(
  open: Open,
  body: (pair: Pair<OurEnd>) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  const pair = await open(options);
  try {
    await body(pair);
  } finally {
    await pair.release();
  }
}

/** Returns `size` bytes that repeat every 1021 bytes. No buffer has this size, so bytes of a wrong buffer cannot be equal by chance. */
export function bytesOf(size: number): Buffer {
  const block = Buffer.alloc(1021);
  for (let index = 0; index < block.length; index++) block[index] = (index * index * 7 + index * 13) >> 3;
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, block);
}

/** Returns a text of `size` bytes in UTF-8. Its characters have one to four bytes. */
export function textOf(size: number): string {
  return 'a¢€𐍈'.repeat(Math.floor(size / 10)) + 'x'.repeat(size % 10);
}

/** Compares the messages like `toEqual`, but does not print megabytes if they differ. */
export function expectSame(received: Message, sent: Message, what = 'message'): void {
  if (received === sent) return;
  expect(typeof received, what).toBe(typeof sent);
  const [a, b] = [received, sent].map((one) => (typeof one === 'string' ? Buffer.from(one) : one)) as [
    Buffer,
    Buffer,
  ];
  expect(a.length, `bytes of ${what}`).toBe(b.length);
  if (a.equals(b)) return;
  const at = a.findIndex((byte, index) => byte !== b[index]);
  throw new Error(`${what} of ${b.length} bytes differs from byte ${at}`);
}

/** Sends a message from one end, and expects the same message at the other end. */
async function passes(from: End, to: End, message: Message): Promise<void> {
  from.send(message);
  expectSame(await to.next(), message);
}

async function passesInFragments(from: End, to: End, message: Message, size: number): Promise<void> {
  from.sendFragments!(message, size);
  expectSame(await to.next(), message, `message in fragments of ${size}`);
}

// ---- messages ----

/** Sends messages of every size in both directions, first text and then binary. */
export function text(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    for (const size of sizes) {
      await passes(ours, peer, textOf(size));
      await passes(peer, ours, textOf(size));
    }
    expect(ours.errors).toEqual([]);
  });
}

export function binary(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    for (const size of sizes) {
      await passes(ours, peer, bytesOf(size));
      await passes(peer, ours, bytesOf(size));
    }
    expect(ours.errors).toEqual([]);
  });
}

/** Sends 16 MiB of text and 16 MiB of binary in both directions. Both ends have exactly this limit. */
export function sixteenMiB(open: Open): Promise<void> {
  return exchange(
    open,
    async ({ ours, peer }) => {
      for (const message of [textOf(16 * MiB), bytesOf(16 * MiB)]) {
        await passes(ours, peer, message);
        await passes(peer, ours, message);
      }
    },
    { maxMessageSize: 16 * MiB },
  );
}

/** Both ends send 16 MiB at the same time. If an end did not read while it cannot write, both ends would wait forever. */
export function sixteenMiBAtOnce(open: Open): Promise<void> {
  return exchange(
    open,
    async ({ ours, peer }) => {
      const message = bytesOf(16 * MiB);
      await Promise.all([passes(ours, peer, message), passes(peer, ours, message)]);
    },
    { maxMessageSize: 16 * MiB },
  );
}

const fragmented: readonly (readonly [Message, number])[] = [
  // Fragments of one byte split every character that has more than one byte.
  [textOf(200), 1],
  [bytesOf(200), 1],
  [textOf(70_000), 125],
  [bytesOf(70_000), 126],
  [textOf(MiB), 65_536],
  [bytesOf(MiB), 65_535],
  ['', 1],
];

export function fragmentsOfOurs(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    for (const [message, size] of fragmented) await passesInFragments(ours, peer, message, size);
    // A whole message follows. It shows that no fragment is left over.
    await passes(ours, peer, 'whole');
  });
}

/** @param messages pairs of a message and the maximum size of its frames */
export function fragmentsOfPeer(open: Open, messages: typeof fragmented = fragmented): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    for (const [message, size] of messages) {
      const before = ours.fragments;
      await passesInFragments(peer, ours, message, size);
      if (message.length > size) expect(ours.fragments).toBeGreaterThan(before);
    }
    await passes(peer, ours, 'whole');
  });
}

/** Returns small text and binary messages of random sizes. They are the same in each run. */
function manyMessages(count: number): Message[] {
  let random = 6455;
  return Array.from({ length: count }, (_, index) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    const size = (random >>> 16) % 200;
    const message = `${index} ${'€'.repeat(size)}`;
    return index % 3 === 0 ? Buffer.from(message) : message;
  });
}

/** Both ends send many small messages at the same time. */
export function many(open: Open, count: number): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    const messages = manyMessages(count);
    for (const message of messages) {
      ours.send(message);
      peer.send(message);
    }
    for (const end of [peer, ours]) {
      for (const [index, message] of messages.entries()) {
        const received = await end.next();
        // There are too many messages for one assertion per message.
        if (typeof received === 'string' ? received === message : received.equals(Buffer.from(message)))
          continue;
        expectSame(received, message, `message ${index}`);
      }
    }
  });
}

// ---- pings ----

export function pingsOfOurs(open: Open): Promise<void> {
  return exchange(open, async ({ ours }) => {
    const payloads = ['one', 'x'.repeat(125), ''];
    for (const payload of payloads) expect(await ours.ping(payload)).toBe(payload);
  });
}

export function pingsOfPeer(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    const payloads = ['one', 'x'.repeat(125), '€'];
    for (const payload of payloads) expect(await peer.ping!(payload)).toBe(payload);
    expect(ours.pings).toEqual(payloads);
  });
}

// ---- closing ----

/**
 * Checks that both ends report the code, and that the close was clean for our end. Only the end that did not begin the close must report
 * the reason.
 */
export async function expectClosed(
  { ours, peer }: Pick<Pair, 'ours' | 'peer'>,
  by: 'ours' | 'peer',
  expected: Ending,
): Promise<void> {
  const [ourEnding, peerEnding] = await Promise.all([ours.closed, peer.closed]);
  const { code, reason } = expected;
  expect(ourEnding).toMatchObject({ code, wasClean: true });
  expect(peerEnding).toMatchObject({ code });
  expect((by === 'ours' ? peerEnding : ourEnding).reason).toBe(reason);
  // §5.5.1: the answer to a Close frame echoes the code. It may omit the reason.
  expect([reason, '']).toContain((by === 'ours' ? ourEnding : peerEnding).reason);
  if (peerEnding.wasClean !== undefined) expect(peerEnding.wasClean).toBe(true);
}

/** Sends a message first, so that the connection has been used. Then performs the closing handshake. */
export function closing(open: Open, by: 'ours' | 'peer', code: number, reason: string): Promise<void> {
  return exchange(open, async (pair) => {
    await passes(pair.peer, pair.ours, 'before');
    pair[by].close(code, reason);
    await expectClosed(pair, by, { code, reason });
    expect(pair.ours.errors).toEqual([]);
  });
}

/** Our end sends messages and calls `close` in the same turn of the event loop. All messages must still arrive. */
export function closingBehindMessages(open: Open): Promise<void> {
  return exchange(open, async (pair) => {
    const { ours, peer } = pair;
    const messages = [textOf(100), bytesOf(100_000), textOf(5)];
    for (const message of messages) ours.send(message);
    ours.close(1000, 'that was all');
    for (const message of messages) expectSame(await peer.next(), message);
    await expectClosed(pair, 'ours', { code: 1000, reason: 'that was all' });
  });
}

export function closingWithoutCode(open: Open): Promise<void> {
  return exchange(open, async (pair) => {
    pair.peer.close();
    await expectClosed(pair, 'peer', { code: 1005, reason: '' });
  });
}

/** The server is shut down while the connection is open. */
export function shutdown(open: Open, server: 'ours' | 'peer', reason: string): Promise<void> {
  return exchange(open, async (pair) => {
    await passes(pair.peer, pair.ours, 'before');
    pair.shutdown(reason);
    await expectClosed(pair, server, { code: 1001, reason });
  });
}

export function abortByOurs(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    await passes(peer, ours, 'before');
    ours.abort();
    expect(await ours.closed).toEqual({ code: 1006, reason: '', wasClean: false });
    expect(await peer.closed).toMatchObject({ code: 1006, reason: '' });
  });
}

export function abortByPeer(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    await passes(peer, ours, 'before');
    peer.abort!();
    expect(await ours.closed).toEqual({ code: 1006, reason: '', wasClean: false });
    expect((await peer.closed).code).toBe(1006);
  });
}

/** Both ends send a Close frame before they have received the Close frame of the other end. */
export function simultaneousClose(open: Open): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    await passes(peer, ours, 'before');
    await nextTurn();
    ours.close(3000, 'from us');
    peer.close(3001, 'of the peer');
    // §7.1.5: the reported code is that of the first received Close frame. So each end reports the code of the other end.
    expect(await ours.closed).toEqual({ code: 3001, reason: 'of the peer', wasClean: true });
    expect(await peer.closed).toMatchObject({ code: 3000, reason: 'from us' });
  });
}

/** The peer sends a message over our limit. Our end fails the connection, and the peer receives 1009. */
export function overOurLimit(open: Open): Promise<void> {
  return exchange(
    open,
    async ({ ours, peer }) => {
      await passes(peer, ours, bytesOf(1000));
      peer.send(bytesOf(1001));
      expect((await peer.closed).code).toBe(1009);
      await ours.closed;
      expect(ours.errors).toMatchObject([{ closeCode: 1009 }]);
    },
    { ourMaxMessageSize: 1000 },
  );
}

// ---- flow ----

/** Our end stops reading while the peer continues to send. When our end reads again, all messages arrive in order. */
export function pausedByUs(open: Open, waiting: (peer: End) => number): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    await passes(peer, ours, 'before');
    ours.connection.pause();
    const message = bytesOf(MiB);
    const count = 24;
    for (let index = 0; index < count; index++) peer.send(message);
    peer.send('behind');
    await settled(() => waiting(peer));
    // The buffers of the system cannot hold all this data, so some bytes wait at the peer.
    expect(waiting(peer)).toBeGreaterThan(0);
    ours.connection.resume();
    for (let index = 0; index < count; index++) expectSame(await ours.next(), message, `message ${index}`);
    expect(await ours.next()).toBe('behind');
    while (waiting(peer) > 0) await nextTurn();
  });
}

/** The peer stops reading. Our `send` then returns false. When the peer reads again, `drain` follows. */
export function pausedByPeer(open: Open, pause: (peer: End) => () => void): Promise<void> {
  return exchange(open, async ({ ours, peer }) => {
    await passes(ours, peer, 'before');
    const resume = pause(peer);
    const message = bytesOf(MiB);
    const count = 24;
    let goOn = true;
    for (let index = 0; index < count; index++) goOn = ours.connection.send(message);
    expect(goOn).toBe(false);
    ours.send('behind');
    await settled(() => ours.connection.bufferedAmount);
    expect(ours.connection.bufferedAmount).toBeGreaterThan(0);
    expect(ours.drains).toBe(0);
    resume();
    for (let index = 0; index < count; index++) expectSame(await peer.next(), message, `message ${index}`);
    expect(await peer.next()).toBe('behind');
    while (ours.drains === 0) await nextTurn();
    expect(ours.drains).toBe(1);
    expect(ours.connection.bufferedAmount).toBe(0);
  });
}

/** Waits until a number has not changed for 200 turns of the event loop. */
async function settled(read: () => number): Promise<void> {
  for (let quiet = 0, last = read(); quiet < 200; ) {
    await nextTurn();
    const now = read();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
  }
}

/** More than 1 MiB of JSON that compresses well. */
const json = JSON.stringify(
  Array.from({ length: 30_000 }, (_, id) => ({ id, name: 'kitchen', on: id % 3 === 0 })),
);

/**
 * Returns messages with all lengths for which the codec or `ws` behaves differently. The small messages come last, so that they refer to
 * large messages in the context.
 */
function compressible(largest: number): Message[] {
  return [
    ...[0, 5, 300, 2000, 20_000, 65_536].flatMap(messagesOf),
    json.slice(0, largest),
    bytesOf(largest),
    ...messagesOf(300),
  ];
}

/**
 * Returns four messages. Compression makes some of them shorter. The last message equals the third message, so it is compressed to a
 * reference.
 */
function messagesOf(size: number): Message[] {
  return [json.slice(0, size), textOf(size), bytesOf(size), bytesOf(size)];
}

/** Sends compressed messages in both directions, in one frame and in fragments. */
export function compressed(open: Open, options: OpenOptions, largest = 200_000): Promise<void> {
  return exchange(
    open,
    async ({ ours, peer }) => {
      expect(ours.connection.extensions.map(({ name }) => name)).toEqual(['permessage-deflate']);
      // Both ends must send fewer bytes than the message has.
      ours.send(json.slice(0, 2000));
      expect(ours.connection.lastWireSize).toBeLessThan(1000);
      expectSame(await peer.next(), json.slice(0, 2000));
      await passes(peer, ours, json.slice(0, 2000));
      if (options.peerCompression !== undefined) expect(ours.wireSize).toBeLessThan(1000);
      for (const message of compressible(largest)) {
        await passes(ours, peer, message);
        await passes(peer, ours, message);
      }
      for (const size of [300, 20_000, 65_536]) {
        await passesInFragments(ours, peer, json.slice(0, size), 1000);
        if (peer.sendFragments !== undefined) await passesInFragments(peer, ours, json.slice(0, size), 1000);
      }
      // Many messages that are sent at once arrive in order, even if different threads compress them.
      const many = Array.from(
        { length: 200 },
        (_, n) => `${n} ${json.slice(0, n % 40 === 0 ? 50_000 : n * 20)}`,
      );
      for (const message of many) {
        ours.send(message);
        peer.send(message);
      }
      for (const message of many) {
        expectSame(await peer.next(), message);
        expectSame(await ours.next(), message);
      }
      ours.close(1000);
      await expectEnded(ours, peer);
    },
    options,
  );
}

async function expectEnded(...ends: End[]): Promise<void> {
  for (const end of ends) expect((await end.closed).code).toBe(1000);
}
