/** One peer floods a server or client of the plugins with messages. Only the connection of this peer pauses. */
import { afterEach, describe, expect, test } from 'vitest';
import { EventFlow } from '../../../src/api/plugin/event-flow.ts';
import { EventQueue, type QueuedEvent } from '../../../src/api/plugin/event-queue.ts';
import { frame, Op, RawPeer, requestHead } from '../../transport/wire.ts';
import { warningsOf } from '../pair.ts';
import { clearSurfaces, RawServer, turn, V1, V2 } from './support.ts';

const peers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await clearSurfaces();
});

const FLOOD = 30_000;
const HONEST = 50;

const texts = (text: string, count: number, mask: boolean): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => frame(Op.Text, text, { mask })));

/** Opens a connection, and waits for the 101 response. */
async function openPeer(port: number): Promise<RawPeer> {
  const peer = RawPeer.to(port).write(requestHead());
  peers.push(peer);
  return peer.until(() => peer.head !== '');
}

/** A program with a slow callback, which takes one turn of the event loop for each event. */
class Program {
  readonly counts = new Map<string, number>();
  largest = 0;
  readonly #events: { readonly waiting: number };

  constructor(events: { readonly waiting: number }) {
    this.#events = events;
  }

  async take(text: string): Promise<void> {
    this.largest = Math.max(this.largest, this.#events.waiting);
    this.counts.set(text, this.count(text) + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }

  count(text: string): number {
    return this.counts.get(text) ?? 0;
  }
}

/** One peer floods, and another peer sends messages one by one. The function checks that all messages of both peers arrive. */
async function flooded(
  surface: V1 | V2,
  program: Program,
  flooder: RawPeer,
  honest: RawPeer,
  mask: boolean,
): Promise<void> {
  const warnings = await warningsOf(async () => {
    flooder.write(texts('x', FLOOD, mask));
    for (let sent = 1; sent <= HONEST; sent++) {
      honest.write(frame(Op.Text, 'honest', { mask }));
      // Each message of the other peer waits only for a few messages of the flooding peer.
      while (program.count('honest') < sent) await turn();
    }
    expect(program.count('x')).toBeLessThan(FLOOD);
    while (program.count('x') < FLOOD) await turn();
  });
  expect(warnings).toEqual([]);
  expect(surface.events.dropped).toBe(0);
  expect(program.largest).toBeLessThan(200);
}

describe('FAULT-5: a peer that floods with messages of one byte', () => {
  test('FAULT-5: if a peer floods a server of version 1, the messages of other peers are delayed only a little', async () => {
    const v1 = new V1();
    const program = new Program(v1.events);
    const method = (_server: number, _client: number, type: string, context: { data: string }) =>
      type === 'message' ? program.take(context.data) : undefined;
    const { port } = await v1.startedServer({ method });
    await flooded(v1, program, await openPeer(port), await openPeer(port), true);
  });

  test('FAULT-5: if a peer floods a server of version 2, the messages of other peers are delayed only a little', async () => {
    const v2 = new V2({}, false);
    const program = new Program(v2.events);
    v2.setMethod(((type: number, _id: number, { str }: { str: string }) =>
      type === 0 ? program.take(str) : undefined) as never);
    const { port } = await v2.startedServer();
    await flooded(v2, program, await openPeer(port), await openPeer(port), true);
  });

  test('FAULT-5: if a server floods a client of version 1, messages to other clients are delayed only a little', async () => {
    const v1 = new V1();
    const program = new Program(v1.events);
    const method = (_server: number, _client: number, type: string, context: { data: string }) =>
      type === 'message' ? program.take(context.data) : undefined;
    const raw = await RawServer.start();
    for (let clients = 0; clients < 2; clients++) await v1.startedClient(raw.url, { method });
    await flooded(v1, program, await raw.peer(0), await raw.peer(1), false);
  });

  test('FAULT-5: if a server floods a client of version 2, messages to other clients are delayed only a little', async () => {
    const v2 = new V2({}, false);
    const program = new Program(v2.events);
    v2.setMethod(((type: number, _id: number, { str }: { str: string }) =>
      type === 0 ? program.take(str) : undefined) as never);
    const raw = await RawServer.start();
    for (let clients = 0; clients < 2; clients++) await v2.startedClient(raw.url);
    await flooded(v2, program, await raw.peer(0), await raw.peer(1), false);
  });

  test('FAULT-5: if a peer floods a server of version 1 with pings, no event is dropped', async () => {
    const v1 = new V1();
    const program = new Program(v1.events);
    const method = (_server: number, _client: number, type: string, context: { data: string }) =>
      type === 'message' ? program.take(context.data) : type === 'ping' ? program.take('x') : undefined;
    const { port } = await v1.startedServer({ method });
    const [flooder, honest] = [await openPeer(port), await openPeer(port)];
    flooder.write(Buffer.concat(Array.from({ length: 12_000 }, () => frame(Op.Ping))));
    honest.write(texts('honest', HONEST, true));
    while (program.count('honest') < HONEST || program.count('x') < 12_000) await turn();
    expect(v1.events.dropped).toBe(0);
  });
});

test('FAULT-5: a server whose connection is paused can be stopped, and the last event of the server is the Close event', async () => {
  const v2 = new V2({}, false);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const types: number[] = [];
  v2.setMethod((async (type: number) => {
    types.push(type);
    if (type === 0) await held;
  }) as never);
  const { id, port } = await v2.startedServer();
  const peer = await openPeer(port);
  peer.write(texts('x', 1_000, true));
  while (v2.events.waiting < 60) await turn();
  const stopped = v2.serverStop({ id });
  await peer.until(() => peer.received.length > peer.head.length);
  peer.socket.end(frame(Op.Close, Buffer.from([0x03, 0xe8])));
  await stopped;
  release();
  await v2.events.idle();
  expect(types.at(-1)).toBe(2);
  expect(types.filter((type) => type === 2)).toHaveLength(1);
});

test('FAULT-5: if the event queue is full although connections are paused, a server answers new connections with 503', async () => {
  const v2 = new V2({}, false);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  v2.setMethod((() => held) as never);
  v2.events.limit = 8;
  const { port } = await v2.startedServer();
  // The callback has not finished the first of eight Open events. So seven Open events wait.
  for (let count = 0; count < 8; count++) await openPeer(port);
  await turn();
  expect(v2.events.waiting).toBe(7);
  const refused = await openPeer(port);
  expect(refused.head).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1/);
  v2.events.limit = 10_000;
  release();
  await v2.events.idle();
  expect(v2.events.dropped).toBe(0);
  expect((await openPeer(port)).head).toMatch(/^HTTP\/1\.1 101 /);
});

describe('EventFlow, which pauses a connection while its events wait', () => {
  class Fake {
    state: 'open' | 'closing' | 'closed' = 'open';
    isPaused = false;
    pause(): void {
      this.isPaused = true;
    }
    resume(): void {
      this.isPaused = false;
    }
  }

  test('a connection pauses when 64 of its events wait, and reads again when half of these events have been delivered', () => {
    const fake = new Fake();
    const flow = new EventFlow(fake);
    for (let count = 1; count < 64; count++) flow.added(0, false);
    expect(fake.isPaused).toBe(false);
    flow.added(0, false);
    expect(fake.isPaused).toBe(true);
    for (let count = 64; count > 33; count--) flow.settled(0, false);
    expect(fake.isPaused).toBe(true);
    flow.settled(0, false);
    expect(fake.isPaused).toBe(false);
  });

  test('a connection pauses when 1 MiB of its events waits, and reads again when no event waits', () => {
    const fake = new Fake();
    const flow = new EventFlow(fake);
    flow.added(1_048_576, false);
    expect(fake.isPaused).toBe(true);
    flow.settled(1_048_576, true);
    expect(fake.isPaused).toBe(false);
    flow.added(0, true);
    flow.added(0, true);
    expect(fake.isPaused).toBe(true);
    flow.settled(0, true);
    expect(fake.isPaused).toBe(true);
    flow.settled(0, true);
    expect(fake.isPaused).toBe(false);
  });

  test('a connection that is closing does not pause, and a paused connection reads again at the start of the closing handshake', () => {
    const fake = new Fake();
    const flow = new EventFlow(fake);
    flow.added(2_000_000, false);
    flow.closing();
    expect(fake.isPaused).toBe(false);
    fake.state = 'closing';
    flow.added(2_000_000, false);
    expect(fake.isPaused).toBe(false);
  });

  test('plugin C43: before the program sets a method, connections do not pause, and a full queue drops the oldest events', () => {
    const fake = new Fake();
    const flow = new EventFlow(fake);
    const queue = new EventQueue<QueuedEvent>(() => {}, true);
    queue.onDrop = () => {};
    const source = { queued: 0, onSettled() {} };
    for (let count = 0; count < 10_001; count++) queue.push({ source, size: 0, flow });
    expect([fake.isPaused, queue.waiting, queue.dropped, queue.isFull]).toEqual([false, 10_000, 1, false]);
    queue.reset();
    expect(source.queued).toBe(0);
  });
});

test('FAULT-5: a full event queue causes at most one warning a minute', async () => {
  const queue = new EventQueue<QueuedEvent>(() => {}, true);
  queue.limit = 1;
  const source = { queued: 0, onSettled() {} };
  const warnings = await warningsOf(async () => {
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 3; count++) queue.push({ source, size: 0 });
      queue.reset();
      // After reset() the queue has room for one event, and it becomes full again. This must not cause another warning.
      queue.push({ source, size: 0 });
      queue.reset();
      await turn();
    }
  });
  expect(queue.dropped).toBe(6);
  expect(warnings).toHaveLength(1);
});
