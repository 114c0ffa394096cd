/**
 * Tests presence in several processes that share a bus. Every process knows the members of all processes and detects lost messages. If a
 * process dies, its members leave at the end of its lease.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Presence } from '../../../src/api/topics/presence.ts';
import {
  serializeBeats,
  serializeFarewell,
  serializeSnapshot,
} from '../../../src/api/topics/presence-messages.ts';
import type { PresenceOptions } from '../../../src/api/topics/presence-options.ts';
import type { TopicError } from '../../../src/api/topics/topic-error.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import type { TopicsOptions } from '../../../src/api/topics/topics-options.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { closeServers } from '../../transport/servers.ts';
import { type ChaosBus, ChaosHub } from './chaos-bus.ts';
import { codeOf } from './code-of.ts';
import { type Guest, openRoom } from './rooms.ts';

const lease = 15_000;

let guests: Guest[];
beforeAll(async () => {
  const room = await openRoom();
  guests = await Promise.all(Array.from({ length: 8 }, () => room.join()));
});
afterAll(closeServers);

let hub: ChaosHub;
let processes: Process[];
beforeEach(() => {
  useFakeClock();
  hub = new ChaosHub();
  processes = [];
});
afterEach(async () => {
  for (const { topics } of processes) await topics.close();
  useRealClock();
});

interface Process {
  readonly topics: Topics;
  readonly bus: ChaosBus;
  readonly errors: string[];
}

/** Simulates a process. The info of each member is the number of its guest. */
function start(presence: PresenceOptions = {}, options: TopicsOptions = {}): Process {
  const bus = hub.bus();
  const errors: string[] = [];
  const topics = new Topics({
    bus,
    presence: { lease, member: (seat) => guests.findIndex((guest) => guest.seat === seat), ...presence },
    handlers: { error: (error) => void errors.push((error as TopicError).code) },
    maxSubscribeRate: Number.POSITIVE_INFINITY,
    ...options,
  });
  const process = { topics, bus, errors };
  processes.push(process);
  return process;
}

/** Advances the fake clock, and delivers the messages of the bus. */
async function pass(time: number): Promise<void> {
  for (let left = time; left > 0; left -= 50) {
    vi.advanceTimersByTime(Math.min(left, 50));
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

const infosOf = ({ members }: Presence): unknown[] => members.map(({ info }) => info).sort();
const join = ({ topics }: Process, guest: number, topic = 'room'): boolean =>
  topics.subscribe(guests[guest]!.seat, topic);
const leave = ({ topics }: Process, guest: number, topic = 'room'): boolean =>
  topics.unsubscribe(guests[guest]!.seat, topic);

/** Watches a topic, and records each call of a handler as a line. */
function watch({ topics }: Process, topic = 'room'): { presence: Presence; events: string[] } {
  const events: string[] = [];
  const presence = topics.presence(topic, {
    join: ({ info }) => void events.push(`join ${info}`),
    update: ({ info }, previous) => void events.push(`update ${previous.info} to ${info}`),
    leave: ({ info }) => void events.push(`leave ${info}`),
  });
  return { presence, events };
}

describe('two processes', () => {
  test('a process that watches a topic knows the members of both processes, whether they joined before or after it began to watch', async () => {
    const [here, there] = [start(), start()];
    join(here, 0);
    join(there, 1);
    await pass(2_000);
    const { presence, events } = watch(here);
    expect(infosOf(presence)).toEqual([0]);
    await pass(200);
    await presence.ready();
    expect(infosOf(presence)).toEqual([0, 1]);
    join(there, 2);
    leave(there, 1);
    join(here, 3);
    await pass(200);
    expect(infosOf(presence)).toEqual([0, 2, 3]);
    expect(infosOf(there.topics.presence('room'))).toEqual([2]);
    expect(events).toEqual(['join 1', 'join 3', 'leave 1', 'join 2']);
    expect(new Set(presence.members.map((member) => member.process)).size).toBe(2);
    expect([...here.errors, ...there.errors]).toEqual([]);
  });

  test('a process also announces its members in topics that only other processes watch, up to `maxTopics` such topics', async () => {
    const [here, there] = [start({ maxTopics: 2 }), start()];
    await pass(2_000);
    for (const topic of ['a', 'b']) watch(here, topic);
    for (const [index, topic] of ['c', 'd', 'e'].entries()) join(here, index, topic);
    const watched = ['c', 'd', 'e'].map((topic) => watch(there, topic).presence);
    await pass(300);
    expect(watched.map((presence) => infosOf(presence))).toEqual([[0], [1], []]);
    expect(here.errors).toEqual(['WS_BUS_MESSAGE']);
    // The other process no longer watches one of the topics. After its lease, there is room for another topic.
    watched[0]!.close();
    await pass(4 * lease);
    expect(infosOf(watched[2]!)).toEqual([2]);
  });

  test('`presence.ready` resolves when all other processes have answered, and at the latest after a second', async () => {
    const [here, there] = [start(), start()];
    join(there, 1);
    await pass(2_000);
    let isReady = false;
    const watched = watch(here);
    const ready = watched.presence.ready().then(() => {
      isReady = true;
    });
    await pass(50);
    expect(isReady).toBe(false);
    await pass(100);
    expect(isReady).toBe(true);
    expect(infosOf(watched.presence)).toEqual([1]);
    await ready;
    there.bus.isDead = true;
    isReady = false;
    const other = watch(here, 'other');
    void other.presence.ready().then(() => {
      isReady = true;
    });
    await pass(950);
    expect(isReady).toBe(false);
    await pass(50);
    expect(isReady).toBe(true);
    // `ready` also resolves when the `Presence` object is closed.
    const third = watch(here, 'third');
    const closed = third.presence.ready();
    third.presence.close();
    await closed;
  });

  test('after a process starts, it knows the members of the other processes within 200 ms, and the other processes know its members', async () => {
    const here = start();
    join(here, 0);
    const { presence } = watch(here);
    await pass(7_000);
    const there = start();
    join(there, 1);
    const later = watch(there);
    await pass(200);
    expect(infosOf(presence)).toEqual([0, 1]);
    expect(infosOf(later.presence)).toEqual([0, 1]);
  });

  test('if the info of a member changes, every process that watches the topic updates the member', async () => {
    let info: unknown = 'old';
    const [here, there] = [start(), start({ member: () => info, maxInfoSize: 20 })];
    join(there, 1);
    const { presence, events } = watch(here);
    const own = watch(there);
    await pass(1_000);
    const [{ id } = { id: '' }] = presence.members;
    const update = (value: unknown): void => {
      info = value;
      there.topics.updatePresence(guests[1]!.seat);
    };
    update('new');
    await pass(200);
    // Only the newest info is sent. An equal info is not a change.
    for (const value of ['newer', 'newest', 'newest']) update(value);
    await pass(200);
    update('newest');
    await pass(200);
    expect(events).toEqual(['join old', 'update old to new', 'update new to newest']);
    expect(own.events).toEqual(['update old to new', 'update new to newer', 'update newer to newest']);
    expect(presence.members).toMatchObject([{ id, info: 'newest' }]);
    // An info that is too large becomes null, as for a new member.
    update('x'.repeat(100));
    await pass(200);
    expect(infosOf(presence)).toEqual([null]);
    expect(there.errors).toEqual(['WS_PRESENCE_INFO']);
    // If a member leaves before its update is sent, the other process receives only the leave.
    update('last');
    leave(there, 1);
    await pass(200);
    expect(events.slice(3)).toEqual(['update newest to null', 'leave null']);
    expect(presence.size).toBe(0);
  });

  test('if a connection leaves a topic and joins it again, other processes receive a leave and then a join with the new info', async () => {
    let info = 'old';
    const [here, there] = [start(), start({ member: () => info })];
    join(there, 1);
    const { presence, events } = watch(here);
    await pass(1_000);
    info = 'new';
    leave(there, 1);
    join(there, 1);
    await pass(200);
    expect(events).toEqual(['join old', 'leave old', 'join new']);
    // If a connection joins and leaves before the next announcement, other processes receive nothing.
    join(there, 2);
    leave(there, 2);
    await pass(200);
    expect(events).toHaveLength(3);
    expect(presence.size).toBe(1);
  });

  test('after all `Presence` objects of a topic are closed, no process announces changes of this topic', async () => {
    const [here, there] = [start(), start()];
    const { presence } = watch(here);
    await pass(1_000);
    presence.close();
    expect([...here.bus.patterns]).toEqual(['$presence']);
    await pass(lease + 6_000);
    hub.published.length = 0;
    join(there, 1);
    await pass(1_000);
    expect(hub.published.filter(({ topic }) => topic !== '$presence')).toEqual([]);
    // The process can watch the topic again.
    const again = watch(here);
    await pass(200);
    expect(infosOf(again.presence)).toEqual([1]);
  });
});

describe('leases of processes', () => {
  test('if a process dies, its members leave at the end of its lease, and the members of other processes stay', async () => {
    const [here, there, third] = [start(), start(), start()];
    join(here, 0);
    join(there, 1);
    join(there, 2);
    join(third, 3);
    const { presence, events } = watch(here);
    await pass(6_000);
    there.bus.isDead = true;
    await pass(lease - 5_000);
    expect(infosOf(presence)).toEqual([0, 1, 2, 3]);
    await pass(5_100);
    expect(infosOf(presence)).toEqual([0, 3]);
    expect(events.slice(-2)).toEqual(['leave 1', 'leave 2']);
    await pass(10 * lease);
    expect(infosOf(presence)).toEqual([0, 3]);
  });

  test('if a process closes its Topics, its members leave immediately, although their connections stay open', async () => {
    const [here, there] = [start(), start()];
    join(there, 1);
    const { presence } = watch(here);
    await pass(1_000);
    expect(presence.size).toBe(1);
    await there.topics.close();
    await pass(50);
    expect(presence.size).toBe(0);
    expect(guests[1]!.seat.state).toBe('open');
  });

  test('each process announces the length of its lease, and other processes use this length', async () => {
    const [here, there, slow] = [start(), start({ lease: 1_000 }), start({ lease: 60_000 })];
    join(there, 1);
    join(slow, 2);
    const { presence } = watch(here);
    await pass(3_000);
    there.bus.isDead = true;
    await pass(1_100);
    expect(infosOf(presence)).toEqual([2]);
    await pass(100_000);
    expect(infosOf(presence)).toEqual([2]);
  });

  test('if a process loses the bus for longer than its lease and then connects again, its members join again', async () => {
    const [here, there] = [start(), start()];
    join(there, 1);
    const { events } = watch(here);
    await pass(1_000);
    there.bus.away();
    await pass(2 * lease);
    expect(events).toEqual(['join 1', 'leave 1']);
    leave(there, 1);
    join(there, 2);
    there.bus.back();
    await pass(500);
    expect(events).toEqual(['join 1', 'leave 1', 'join 2']);
    expect(there.errors).toContain('WS_BUS');
    expect(there.topics.counts).toMatchObject({ unpublished: 0 });
  });

  test('a process that was suspended does not assume that the other processes are dead', async () => {
    const [here, there] = [start(), start()];
    join(there, 1);
    const { events } = watch(here);
    await pass(1_000);
    // The clock jumps forward, and the timers run before the messages that have arrived in the meantime.
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 10 * lease);
    vi.advanceTimersByTime(5_000);
    expect(events).toEqual(['join 1']);
    vi.restoreAllMocks();
  });
});

describe('lost presence messages', () => {
  test('if a change, a snapshot or a request is lost, the next regular message of the other process shows the loss', async () => {
    const [here, there] = [start(), start()];
    const { presence } = watch(here);
    await pass(6_000);
    for (const [at, isLost] of [(topic: string) => topic === '$presence/room', () => true].entries()) {
      hub.isLost = isLost;
      join(there, at + 1);
      await pass(1_000);
      expect(presence.size).toBe(at);
      hub.isLost = () => false;
      await pass(5_200);
      expect(presence.size).toBe(at + 1);
    }
    expect([...here.errors, ...there.errors]).toEqual([]);
  });

  test('if the bus reports a gap to a process, the process gets the members that it missed at once, not only with the next regular message', async () => {
    const [here, there] = [start(), start()];
    const { presence } = watch(here);
    await pass(6_000);
    hub.isLost = () => true;
    join(there, 1);
    await pass(100);
    hub.isLost = () => false;
    here.bus.gap();
    await pass(300);
    expect(infosOf(presence)).toEqual([1]);
  });

  test('if a process has received nothing for longer than its lease, it gets the full list of members again', async () => {
    const [here, there] = [start(), start()];
    const { presence } = watch(here);
    watch(there);
    join(there, 1);
    await pass(6_000);
    there.bus.isDeaf = true;
    await pass(lease + 6_000);
    join(there, 2);
    await pass(1_000);
    there.bus.isDeaf = false;
    await pass(6_000);
    expect(infosOf(presence)).toEqual([1, 2]);
  });

  test('if one part of a snapshot is lost, the other parts of this snapshot are not used', async () => {
    const [here, there] = [start(), start({ member: () => 'x'.repeat(5_000), maxInfoSize: 6_000 })];
    for (let guest = 0; guest < guests.length; guest++) join(there, guest);
    let parts = 0;
    hub.isLost = (topic) => topic === '$presence/room' && ++parts % 3 === 0;
    const { presence } = watch(here, 'room');
    await pass(200);
    expect(parts).toBeGreaterThan(2);
    expect(presence.size).toBe(0);
    hub.isLost = () => false;
    await pass(5_300);
    // Each info is larger than `maxInfoSize` of the receiving process, so it becomes null.
    expect(presence.members.map(({ info }) => info)).toEqual(guests.map(() => null));
    expect(here.errors).toContain('WS_PRESENCE_INFO');
  });
});

describe('many members', () => {
  test('many changes of the members of one topic cause only one announcement per 50 ms', async () => {
    const [here, there] = [start(), start()];
    const { presence } = watch(here);
    await pass(1_000);
    hub.published.length = 0;
    for (let round = 0; round < 100; round++) {
      for (let guest = 0; guest < guests.length; guest++) join(there, guest);
      for (let guest = 0; guest < guests.length - 1; guest++) leave(there, guest);
    }
    await pass(100);
    expect(hub.published.filter(({ topic }) => topic === '$presence/room')).toHaveLength(1);
    expect(infosOf(presence)).toEqual([7]);
  });

  test('a large list of members is split into messages of at most 16 KiB plus one member', async () => {
    const [here, there] = [
      start({ maxInfoSize: 8_192 }),
      start({ member: () => 'x'.repeat(8_000), maxInfoSize: 8_192 }),
    ];
    for (let guest = 0; guest < guests.length; guest++) join(there, guest);
    const { presence } = watch(here);
    await pass(500);
    expect(presence.size).toBe(8);
    leave(there, 0);
    join(there, 0);
    for (let guest = 1; guest < guests.length; guest++) leave(there, guest);
    await pass(500);
    expect(presence.size).toBe(1);
    const sizes = hub.published.filter(({ topic }) => topic === '$presence/room').map(({ size }) => size);
    expect(sizes.length).toBeGreaterThanOrEqual(5);
    expect(Math.max(...sizes)).toBeLessThan(16_384 + 8_192);
  });

  test('`maxMembers` counts the members of all processes, and members that were left out are added when there is room', async () => {
    const [here, there] = [start({ maxMembers: 4 }), start()];
    for (let guest = 0; guest < 6; guest++) join(there, guest);
    join(here, 6);
    const { presence } = watch(here);
    await pass(1_000);
    expect(presence).toMatchObject({ size: 4, isPartial: true });
    for (let guest = 0; guest < 3; guest++) leave(there, guest);
    await pass(6_000);
    expect(infosOf(presence)).toEqual([3, 4, 5, 6]);
    expect(presence.isPartial).toBe(false);
  });

  test('if a program requests a large list of members again and again, the process sends the list at a limited rate', async () => {
    const here = start();
    const there = start({ member: () => 'x'.repeat(60_000), maxInfoSize: 65_536 });
    for (let guest = 0; guest < guests.length; guest++) join(there, guest);
    watch(here);
    await pass(1_000);
    hub.published.length = 0;
    const [request] = serializeBeats(
      { process: 'stranger', lease, hello: false },
      { watched: ['"room"'], versions: [], needs: ['["room",""]'] },
    );
    for (let at = 0; at < 40; at++) {
      void here.bus.publish('$presence', request!);
      await pass(50);
    }
    const snapshots = hub.published.filter(({ size, text }) => size > 60_000 && text.includes('"part":0'));
    // A snapshot has eight parts. So there are at least 80 ms between two snapshots.
    expect(snapshots.length).toBeLessThanOrEqual(2_000 / 80);
    expect(snapshots.length).toBeGreaterThan(10);
  });
});

describe('names that are reserved for presence', () => {
  test('`subscribe` and `publish` refuse the names that are reserved for presence, and `**` does not match these names', async () => {
    const [here, there] = [start(), start()];
    const all = guests[0]!;
    const code = (topic: string): string =>
      codeOf(() => here.topics.subscribe(all.seat, topic, { wildcards: true }));
    for (const name of ['$presence', '$presence/room', '$presence/**', '$presence/*'])
      expect(code(name)).toBe('WS_TOPIC_NAME');
    expect(codeOf(() => here.topics.publish('$presence/room', 'x'))).toBe('WS_TOPIC_NAME');
    for (const name of ['**', '*', '*/**', '*/room']) expect(code(name)).toBe('done');
    watch(there);
    watch(here);
    join(there, 1);
    await pass(1_000);
    expect(hub.published.filter(({ topic }) => topic === '$presence/room').length).toBeGreaterThan(0);
    expect(here.topics.counts).toMatchObject({ received: 0, sent: 0, invalid: 0, gaps: 0 });
    for (const name of here.topics.topicsOf(all.seat)) here.topics.unsubscribe(all.seat, name);
  });

  test('a process without the option `presence` announces no members, and its subscribers receive no presence messages', async () => {
    const here = start();
    const plain = new Topics({ bus: hub.bus() });
    plain.subscribe(guests[0]!.seat, '**', { wildcards: true });
    plain.subscribe(guests[0]!.seat, 'room');
    const { presence } = watch(here);
    await pass(1_000);
    expect(presence.size).toBe(0);
    expect([...hub.buses[1]!.patterns]).toEqual(['**', 'room']);
    expect(plain.counts.invalid).toBe(0);
    await plain.close();
  });
});

describe('another program that sends wrong messages on the bus', () => {
  const head = { process: 'stranger', lease, hello: false };
  const none = { watched: [], versions: [], needs: [] };

  test('invalid bytes on the topics of presence are counted and reported', async () => {
    const here = start();
    const { presence } = watch(here);
    await pass(1_000);
    const stranger = hub.bus();
    const snapshot = serializeSnapshot({ process: 'stranger', version: 1, part: 0, parts: 1 }, ['[1,null]']);
    for (const [topic, bytes] of [
      ['$presence', Buffer.from('hello')],
      ['$presence/room', Buffer.alloc(0)],
      ['$presence/room', Buffer.alloc(2_000_000)],
      // Each of the next two messages is valid, but it is on the wrong topic.
      ['$presence', snapshot],
      ['$presence/room', serializeFarewell('stranger')],
      ['$presence', serializeBeats(head, { ...none, watched: ['"a//b"'] })[0]!],
    ] as const)
      void stranger.publish(topic, bytes);
    await pass(50);
    expect(here.topics.counts.invalid).toBe(6);
    expect(here.errors).toEqual(new Array(6).fill('WS_BUS_MESSAGE'));
    expect(presence.size).toBe(0);
    void stranger.publish('$presence/room', snapshot);
    await pass(50);
    expect(presence.size).toBe(1);
  });

  test('if a program on the bus announces 1,500 processes, only 1,000 of them are kept', async () => {
    const here = start();
    const { presence } = watch(here);
    await pass(1_000);
    const stranger = hub.bus();
    for (let at = 0; at < 1_500; at++) {
      const name = { process: `stranger ${at}`, version: 1, part: 0, parts: 1 };
      void stranger.publish('$presence/room', serializeSnapshot(name, ['[1,null]']));
    }
    await pass(100);
    expect(presence.size).toBe(1_000);
    expect(here.topics.counts.invalid).toBe(500);
    await pass(lease);
    expect(presence.size).toBe(0);
  });

  test('if a program on the bus watches ten topics, a process announces its members in only `maxTopics` of these topics', async () => {
    const here = start({ maxTopics: 3 });
    await pass(1_000);
    const watched = Array.from({ length: 10 }, (_, at) => `"t/${at}"`);
    void hub.bus().publish('$presence', serializeBeats(head, { ...none, watched })[0]!);
    await pass(200);
    expect(hub.published.filter(({ topic }) => topic.startsWith('$presence/'))).toHaveLength(3);
    expect(here.errors).toEqual(['WS_BUS_MESSAGE']);
  });

  test('if a program on the bus announces too many members, only `maxMembers` of them are kept', async () => {
    const here = start({ maxMembers: 100 });
    const { presence } = watch(here);
    await pass(1_000);
    const stranger = hub.bus();
    const members = Array.from({ length: 1_000 }, (_, at) => `[${at},null]`);
    const parts = 50;
    for (let part = 0; part < parts; part++)
      void stranger.publish(
        '$presence/room',
        serializeSnapshot({ process: 'stranger', version: 1, part, parts }, members),
      );
    await pass(50);
    expect(presence).toMatchObject({ size: 100, isPartial: true });
    expect(here.errors).toEqual([]);
  });
});
