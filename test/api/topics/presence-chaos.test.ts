/**
 * Tests presence over a bus that loses, delays and reorders messages. Processes start, die and lose the bus at random. After the bus works
 * again, every process that watches a topic must have the true list of members. The events of each member must always have this order: its
 * join, then its updates, then its leave.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Presence, PresenceMember } from '../../../src/api/topics/presence.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { closeServers } from '../../transport/servers.ts';
import { type ChaosBus, ChaosHub } from './chaos-bus.ts';
import { type Guest, openRoom } from './rooms.ts';

const lease = 3_000;
const names = ['a', 'b/c'];
const processCount = 4;
const seatCount = 6;

let guests: Guest[];
beforeAll(async () => {
  const room = await openRoom();
  guests = await Promise.all(Array.from({ length: seatCount }, () => room.join()));
});
afterAll(closeServers);
beforeEach(useFakeClock);
afterEach(useRealClock);

/** Records the joins, updates and leaves that the handlers report, and compares the result with `members`. */
class Witness {
  readonly presence: Presence;
  readonly #present = new Map<string, PresenceMember>();

  constructor(topics: Topics, topic: string) {
    this.presence = topics.presence(topic, {
      join: (member) => {
        if (this.#present.has(member.id)) throw new Error(`${member.id} has joined twice`);
        this.#present.set(member.id, member);
      },
      update: (member, previous) => {
        expect(this.#present.get(member.id)).toEqual(previous);
        this.#present.set(member.id, member);
      },
      leave: (member) => {
        if (!this.#present.delete(member.id)) throw new Error(`${member.id} has left without a join`);
      },
    });
    for (const member of this.presence.members) this.#present.set(member.id, member);
  }

  check(): void {
    const sorted = (members: Iterable<PresenceMember>): string[] =>
      Array.from(members, ({ id, info }) => `${id} ${info}`).sort();
    expect(sorted(this.presence.members)).toEqual(sorted(this.#present.values()));
  }
}

class Process {
  readonly bus: ChaosBus;
  readonly topics: Topics;
  readonly witnesses = new Map<string, Witness>();
  /** For each guest, how often its info has changed. */
  readonly versions = guests.map(() => 0);

  constructor(hub: ChaosHub, name: string) {
    this.bus = hub.bus();
    this.topics = new Topics({
      bus: this.bus,
      presence: {
        lease,
        member: (seat) => {
          const number = guests.findIndex((guest) => guest.seat === seat);
          return `${name} ${number} ${this.versions[number]}`;
        },
      },
      // The test cuts the bus, so errors are expected.
      handlers: { error: () => {} },
      maxSubscribeRate: Number.POSITIVE_INFINITY,
    });
  }

  watch(topic: string): void {
    const witness = this.witnesses.get(topic);
    if (witness === undefined) this.witnesses.set(topic, new Witness(this.topics, topic));
    else {
      witness.presence.close();
      this.witnesses.delete(topic);
    }
  }
}

interface World {
  readonly hub: ChaosHub;
  readonly processes: (Process | null)[];
  readonly ended: Topics[];
  started: number;
}

async function pass(time: number): Promise<void> {
  for (let left = time; left > 0; left -= 25) {
    vi.advanceTimersByTime(25);
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
}

const steps = {
  subscribe: ({ processes }: World, at: number, topic: string, seat: number) =>
    processes[at]?.topics.subscribe(guests[seat]!.seat, topic),
  unsubscribe: ({ processes }: World, at: number, topic: string, seat: number) =>
    processes[at]?.topics.unsubscribe(guests[seat]!.seat, topic),
  update: ({ processes }: World, at: number, _topic: string, seat: number) => {
    const process = processes[at];
    if (!process) return;
    process.versions[seat] = process.versions[seat]! + 1;
    process.topics.updatePresence(guests[seat]!.seat);
  },
  watch: ({ processes }: World, at: number, topic: string) => processes[at]?.watch(topic),
  away: ({ processes }: World, at: number) => processes[at]?.bus.away(),
  back: ({ processes }: World, at: number) => processes[at]?.bus.back(),
  deaf: ({ processes }: World, at: number) => {
    const process = processes[at];
    if (process) process.bus.isDeaf = !process.bus.isDeaf;
  },
  gap: ({ processes }: World, at: number) => processes[at]?.bus.gap(),
  kill: ({ processes, ended }: World, at: number) => {
    const process = processes[at];
    if (process === null || process === undefined) return;
    process.bus.isDead = true;
    ended.push(process.topics);
    processes[at] = null;
  },
  end: async ({ processes }: World, at: number) => {
    const process = processes[at];
    processes[at] = null;
    // The bus may lose the last message of the process. The process does not notice this.
    await process?.topics.close();
  },
  start: (world: World, at: number) => {
    if (world.processes[at]) return;
    const process = new Process(world.hub, `${at}.${world.started++}`);
    for (const name of names) process.watch(name);
    world.processes[at] = process;
  },
} as const;

const step = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant('subscribe' as const) },
    { weight: 6, arbitrary: fc.constant('unsubscribe' as const) },
    { weight: 4, arbitrary: fc.constant('update' as const) },
    { weight: 1, arbitrary: fc.constant('watch' as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...([
          'away',
          'back',
          'back',
          'deaf',
          'deaf',
          'gap',
          'kill',
          'end',
          'start',
          'start',
          'start',
        ] as const),
      ),
    },
  ),
  at: fc.nat(processCount - 1),
  topic: fc.constantFrom(...names),
  seat: fc.nat(seatCount - 1),
  time: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(4_000)),
});

/** Returns a generator of random numbers from 0 to 1. The same seed gives the same numbers, so that a failing run can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

test('after random failures, every process that watches a topic has the correct list of members, and no member joins twice or leaves twice in a row', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 80 }),
      fc.nat(),
      fc.constantFrom(0, 0.1, 0.5),
      fc.constantFrom(0, 100, 2_000),
      async (commands, seed, loss, delay) => {
        const hub = new ChaosHub();
        const random = generator(seed);
        hub.isLost = () => random() < loss;
        hub.delay = () => Math.floor(random() * delay);
        const world: World = { hub, processes: [], ended: [], started: 0 };
        for (let at = 0; at < processCount; at++) steps.start(world, at);
        for (const { kind, at, topic, seat, time } of commands) {
          await steps[kind](world, at, topic, seat);
          await pass(time);
          for (const process of world.processes)
            for (const witness of process?.witnesses.values() ?? []) witness.check();
        }
        hub.isLost = () => false;
        hub.delay = () => 0;
        for (const process of world.processes) {
          if (process) process.bus.isDeaf = false;
          process?.bus.back();
        }
        // The members of dead processes leave after the lease. A late message can bring a dead process back for one more lease.
        await pass(3 * lease + 2_500);
        for (const name of names) {
          const truth = world.processes
            .flatMap((process, at) =>
              guests.map(({ seat }, number) =>
                process?.topics.topicsOf(seat).includes(name)
                  ? `${at} ${number} ${process.versions[number]}`
                  : '',
              ),
            )
            .filter((text) => text !== '')
            .sort();
          for (const process of world.processes) {
            const witness = process?.witnesses.get(name);
            if (witness === undefined) continue;
            witness.check();
            const infos = witness.presence.members.map(({ info }) => String(info).replace(/\.\d+/, ''));
            expect(infos.sort()).toEqual(truth);
          }
        }
        for (const process of world.processes) await process?.topics.close();
        for (const topics of world.ended) await topics.close();
      },
    ),
    { numRuns: 60 },
  );
  process.off('warning', listener);
  expect(warnings).toEqual([]);
});
