/** Tests presence in one process: the members of a topic, and the events when members join and leave. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Presence } from '../../../src/api/topics/presence.ts';
import type { PresenceOptions } from '../../../src/api/topics/presence-options.ts';
import type { TopicError } from '../../../src/api/topics/topic-error.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { closeServers } from '../../transport/servers.ts';
import { until } from '../pair.ts';
import { codeOf } from './code-of.ts';
import { type Guest, openRoom, type Room } from './rooms.ts';

let room: Room;
let guests: Guest[];
beforeAll(async () => {
  room = await openRoom();
  guests = await Promise.all(Array.from({ length: 4 }, () => room.join()));
});
afterAll(closeServers);
afterEach(useRealClock);

/** Returns a `Topics` object. The info of each member is the number of its guest. */
function numbered(options: PresenceOptions = {}, errors: Error[] = []): Topics {
  const member = (connection: unknown): number => guests.findIndex(({ seat }) => seat === connection);
  return new Topics({
    presence: { member, ...options },
    handlers: { error: (error) => void errors.push(error) },
    maxSubscribeRate: Number.POSITIVE_INFINITY,
  });
}

const infosOf = ({ members }: Presence): unknown[] => members.map(({ info }) => info);

describe('members', () => {
  test('the members of a topic are its subscribers, whether they subscribe before or after the call of `presence`', async () => {
    await using topics = numbered();
    const [a, b] = guests as [Guest, Guest];
    topics.subscribe(a.seat, 'room');
    const events: string[] = [];
    const presence = topics.presence('room', {
      join: ({ info }) => void events.push(`join ${info}`),
      leave: ({ info }) => void events.push(`leave ${info}`),
    });
    await presence.ready();
    expect(presence).toMatchObject({ topic: 'room', size: 1, isPartial: false });
    expect(infosOf(presence)).toEqual([0]);
    topics.subscribe(b.seat, 'room');
    topics.subscribe(b.seat, 'room');
    topics.subscribe(b.seat, 'elsewhere');
    expect(infosOf(presence)).toEqual([0, 1]);
    topics.unsubscribe(a.seat, 'room');
    topics.unsubscribe(a.seat, 'room');
    expect(infosOf(presence)).toEqual([1]);
    expect(events).toEqual(['join 1', 'leave 0']);
  });

  test('each member has a unique id, which is the same in all topics', async () => {
    await using topics = numbered();
    const [a, b] = guests as [Guest, Guest];
    for (const name of ['one', 'two']) for (const { seat } of [a, b]) topics.subscribe(seat, name);
    const one = topics.presence('one').members;
    expect(topics.presence('two').members).toEqual(one);
    expect(new Set(one.map(({ id }) => id)).size).toBe(2);
    expect(new Set(one.map(({ process }) => process)).size).toBe(1);
    topics.unsubscribe(a.seat, 'one');
    topics.subscribe(a.seat, 'one');
    expect(new Set(topics.presence('one').members)).toEqual(new Set(one));
    expect(Object.isFrozen(one[0])).toBe(true);
  });

  test('if the connection of a member is closed, the member leaves the topic', async () => {
    await using topics = numbered();
    const guest = await room.join();
    topics.subscribe(guest.seat, 'room');
    const left: unknown[] = [];
    const presence = topics.presence('room', { leave: ({ id }) => void left.push(id) });
    const { id } = presence.members[0]!;
    guest.client.terminate();
    await until(() => presence.size === 0);
    expect(left).toEqual([id]);
  });

  test('a subscriber of a pattern is not a member of the topics that match the pattern', async () => {
    await using topics = numbered();
    topics.subscribe(guests[0]!.seat, '**', { wildcards: true });
    const presence = topics.presence('room');
    topics.subscribe(guests[1]!.seat, 'room');
    topics.subscribe(guests[2]!.seat, '*', { wildcards: true });
    expect(infosOf(presence)).toEqual([1]);
  });

  test('the info of a member is the result of the option `member` as JSON, or null without this option', async () => {
    await using plain = new Topics({ presence: {} });
    await using topics = new Topics({
      presence: {
        member: (connection, topic) =>
          connection === guests[0]!.seat ? { topic, at: new Date(0), none: undefined } : undefined,
      },
    });
    for (const { seat } of guests.slice(0, 2)) {
      plain.subscribe(seat, 'room');
      topics.subscribe(seat, 'room');
    }
    expect(infosOf(plain.presence('room'))).toEqual([null, null]);
    expect(infosOf(topics.presence('room'))).toEqual([
      { topic: 'room', at: '1970-01-01T00:00:00.000Z' },
      null,
    ]);
  });
});

test('the option `member` is not called for a topic that no process watches', async () => {
  const member = vi.fn();
  await using topics = new Topics({ presence: { member } });
  for (const { seat } of guests) topics.subscribe(seat, 'room');
  const presence = topics.presence('other');
  topics.subscribe(guests[0]!.seat, 'other');
  expect(member.mock.calls).toEqual([[guests[0]!.seat, 'other']]);
  presence.close();
  topics.unsubscribe(guests[0]!.seat, 'other');
  topics.subscribe(guests[0]!.seat, 'other');
  expect(member).toHaveBeenCalledTimes(1);
});

describe('handlers of presence', () => {
  test('the handlers of all open Presence objects of a topic are called, and a closed Presence object lists no members', async () => {
    await using topics = numbered();
    const events: string[] = [];
    const watch = (name: string): Presence =>
      topics.presence('room', { join: ({ info }) => void events.push(`${name} ${info}`) });
    const first = watch('first');
    topics.subscribe(guests[0]!.seat, 'room');
    {
      using second = watch('second');
      topics.subscribe(guests[1]!.seat, 'room');
      expect(second.size).toBe(2);
    }
    topics.subscribe(guests[2]!.seat, 'room');
    first.close();
    first.close();
    topics.subscribe(guests[3]!.seat, 'room');
    await first.ready();
    expect(first).toMatchObject({ size: 0, members: [], isPartial: false });
    expect(events).toEqual(['first 0', 'first 1', 'second 1', 'first 2']);
    expect(topics.presence('room').size).toBe(4);
  });

  test('a presence handler may subscribe, unsubscribe and close, and the join of a member comes before its leave', async () => {
    await using topics = numbered();
    const events: string[] = [];
    const watch = (name: string, more: () => unknown = () => {}): Presence =>
      topics.presence('room', {
        join: ({ info }) => {
          events.push(`${name} join ${info}`);
          more();
        },
        leave: ({ info }) => void events.push(`${name} leave ${info}`),
      });
    watch('first', () => topics.unsubscribe(guests[0]!.seat, 'room'));
    const last = watch('last', () => last.close());
    topics.subscribe(guests[0]!.seat, 'room');
    expect(events).toEqual(['first join 0', 'last join 0', 'first leave 0']);
  });

  test('if a presence handler throws or rejects, a process warning is emitted, and the other handlers are still called', async () => {
    await using topics = numbered();
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    let calls = 0;
    topics.presence('room', {
      join: () => {
        throw new Error('presence: thrown');
      },
    });
    topics.presence('room', { join: async () => Promise.reject(new Error('presence: rejected')) });
    topics.presence('room', { join: () => void calls++ });
    topics.subscribe(guests[0]!.seat, 'room');
    await until(() => warnings.length === 2);
    process.off('warning', listener);
    expect(warnings).toEqual(['presence: thrown', 'presence: rejected']);
    expect(calls).toBe(1);
  });

  test('`updatePresence` without the option `presence` throws a TypeError', () => {
    expect(() => new Topics().updatePresence(guests[0]!.seat)).toThrow('needs the option `presence`');
  });

  test.each([null, 5, [], { joined: () => {} }, { join: 5 }, { update: 5 }])(
    '`presence` throws for the invalid handlers %j',
    async (handlers) => {
      await using topics = numbered();
      expect(() => topics.presence('room', handlers as never)).toThrow(TypeError);
    },
  );
});

describe('limits of presence', () => {
  test('members beyond `maxMembers` are left out until there is room for them', async () => {
    useFakeClock();
    await using topics = numbered({ maxMembers: 2 });
    const events: string[] = [];
    const presence = topics.presence('room', { join: ({ info }) => void events.push(`join ${info}`) });
    for (const { seat } of guests) topics.subscribe(seat, 'room');
    expect(infosOf(presence)).toEqual([0, 1]);
    expect(presence.isPartial).toBe(true);
    topics.unsubscribe(guests[0]!.seat, 'room');
    topics.unsubscribe(guests[2]!.seat, 'room');
    vi.advanceTimersByTime(1_000);
    expect(infosOf(presence)).toEqual([1, 3]);
    expect(presence.isPartial).toBe(false);
    expect(events).toEqual(['join 0', 'join 1', 'join 3']);
  });

  test('if a process already watches `maxTopics` topics, `presence` throws for another topic', async () => {
    await using topics = numbered({ maxTopics: 2 });
    const one = topics.presence('1');
    topics.presence('2');
    expect(codeOf(() => topics.presence('3'))).toBe('WS_PRESENCE_FULL');
    expect(codeOf(() => topics.presence('1'))).toBe('done');
    one.close();
    expect(codeOf(() => topics.presence('3'))).toBe('WS_PRESENCE_FULL');
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  test.each([
    ['is larger than maxInfoSize', () => 'x'.repeat(7)],
    ['is a circular object', () => circle],
    ['is a bigint', () => 5n],
    [
      'is missing because `member` throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('if an info %s, it becomes null, and an error is reported', async (_, member) => {
    const errors: Error[] = [];
    await using topics = numbered({ member, maxInfoSize: 8 }, errors);
    const presence = topics.presence('room');
    topics.subscribe(guests[0]!.seat, 'room');
    expect(infosOf(presence)).toEqual([null]);
    expect(errors.map((error) => (error as TopicError).code)).toEqual(['WS_PRESENCE_INFO']);
  });

  test('an info of exactly `maxInfoSize` bytes is kept', async () => {
    await using topics = numbered({ member: () => 'xxxxxx', maxInfoSize: 8 });
    topics.subscribe(guests[0]!.seat, 'room');
    expect(infosOf(topics.presence('room'))).toEqual(['xxxxxx']);
  });

  test.each([
    { lease: 999 },
    { lease: 600_001 },
    { maxMembers: 0 },
    { maxInfoSize: 65_537 },
    { member: 5 },
    { leese: 1 },
  ])('the constructor of Topics throws for the invalid presence options %j', (presence) => {
    expect(() => new Topics({ presence: presence as never })).toThrow(/presence/);
  });
});

test('`presence` accepts only valid topics, and throws for patterns', async () => {
  await using topics = numbered();
  for (const name of ['', '$presence', '$presence/room', 'a//b'])
    expect(codeOf(() => topics.presence(name))).toBe('WS_TOPIC_NAME');
  expect(codeOf(() => topics.presence('room/*'))).toBe('WS_TOPIC_WILDCARD');
  expect(codeOf(() => topics.presence('x'.repeat(257)))).toBe('WS_TOPIC_TOO_LONG');
});

test('the method `presence` throws if Topics has been created without the option `presence`', async () => {
  await using topics = new Topics();
  expect(() => topics.presence('room')).toThrow(/option `presence`/);
});

test('`close` of Topics closes every Presence object, and calls no `leave` handler', async () => {
  const topics = numbered();
  topics.subscribe(guests[0]!.seat, 'room');
  const left: unknown[] = [];
  const presence = topics.presence('room', { leave: (member) => void left.push(member) });
  await topics.close();
  expect(presence.size).toBe(0);
  expect(left).toEqual([]);
  const late = topics.presence('room');
  await late.ready();
  expect(late.size).toBe(0);
});
