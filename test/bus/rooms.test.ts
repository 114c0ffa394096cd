/**
 * Tests topics with real engines and real WebSockets. There are four processes with a server and 500 clients each. Each client subscribes
 * to 5 of 50 topics and publishes to any topic. A client that misses messages must be notified before it receives the next messages. In the
 * scenarios with presence, connections of four processes join and leave topics at random. All processes must agree on the members, even
 * after one process was killed.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../consumers/project.ts';
import { type Peer, type PresenceReport, packages } from './project.ts';
import { Scenario, size } from './scenario.ts';

const project = new Project({ 'package.json': '{ "private": true, "type": "module" }' });
beforeAll(async () => {
  await project.install(...packages);
});
afterAll(() => project.remove());

/**
 * The number of messages that all clients together send in one step. All of them must arrive before the next step, because the server
 * closes a client with too many waiting bytes.
 */
const round = 10_000;
/** The number of messages in the scenarios with failures. It is large, so that messages are being sent during each failure. */
const fewer = 40_000;

describe.each([
  ['redis', 200_000],
  ['nats', 20_000],
])('topics over a real %s', (kind, messages) => {
  test('clients receive each message that others send to their topics once, in the order of the sender', async () => {
    const scenario = await Scenario.start(project.folder, kind, {}, 'rooms-peer.js');
    const { peers } = scenario;
    try {
      for (let done = 0; done < messages; done += round) {
        await scenario.publish(round);
        const counted = await Promise.all(peers.map((peer) => peer.counted()));
        const totals = counted[0]!.sent.map((_, topic) =>
          counted.reduce((sum, { sent }) => sum + sent[topic]!, 0),
        );
        await Promise.all(peers.map((peer) => peer.command('settle', totals)));
      }
      const reports = await Promise.all(peers.map((peer) => peer.counted()));
      for (const report of reports)
        expect(report).toMatchObject({ gaps: 0, missed: 0, unpublished: 0, faults: [] });
      const sent = reports.flatMap((report) => report.sent).reduce((sum, count) => sum + count, 0);
      expect(sent).toBe(messages);
    } finally {
      await scenario.end();
    }
  });

  test('if Redis or NATS and one process are killed, clients are notified of each gap and receive nothing twice', async () => {
    const scenario = await Scenario.start(project.folder, kind, {}, 'rooms-peer.js');
    try {
      await scenario.publishWithFailures(fewer);
      const alive = Array.from({ length: size - 1 }, (_, at) => at + 1);
      await Promise.all(scenario.peers.map((peer) => peer.command('finish', alive)));
      const reports = await Promise.all(scenario.peers.map((peer) => peer.counted()));
      for (const report of reports) {
        expect(report.faults).toEqual([]);
        expect(report.gaps).toBeGreaterThan(0);
      }
      expect(reports.reduce((sum, { missed }) => sum + missed, 0)).toBeGreaterThan(0);
    } finally {
      await scenario.end();
    }
  });
});

/** The lease in milliseconds. */
const lease = 2_000;

/** Waits until every process knows the members of all processes, and returns the number of members. */
async function agreed(peers: readonly Peer[]): Promise<number> {
  const reports = await Promise.all(peers.map((peer) => peer.counted<PresenceReport>()));
  const truth: Record<string, string[]> = {};
  for (const { own } of reports)
    for (const [topic, infos] of Object.entries(own))
      truth[topic] = [...(truth[topic] ?? []), ...infos].sort();
  await Promise.all(peers.map((peer) => peer.command('agree', truth)));
  return Object.values(truth).flat().length;
}

describe.each([
  ['redis', 'redis', {}],
  ['redis with a history', 'redis', { history: {} }],
  ['nats', 'nats', {}],
])('presence over a real %s', (_, kind, options) => {
  test('all processes agree on the members of topics, and the members of a killed process leave when the lease of the process ends', async () => {
    const scenario = await Scenario.start(project.folder, kind, { lease, ...options }, 'presence-peer.js');
    const { peers, engine, proxy } = scenario;
    const churn = (some: readonly Peer[]): Promise<unknown> =>
      Promise.all(some.map((peer) => peer.command('churn', 400)));
    try {
      await churn(peers);
      expect(await agreed(peers)).toBeGreaterThan(100);
      await Promise.all([churn(peers), peers[0]!.half().then(() => proxy.cut())]);
      await agreed(peers);
      await Promise.all([
        churn(peers),
        peers[0]!.half().then(async () => {
          await engine.kill();
          await engine.start();
        }),
      ]);
      await agreed(peers);
      const [first, ...others] = peers;
      const gone = Object.values((await first!.counted<PresenceReport>()).own).flat().length;
      const before = await Promise.all(others.map((peer) => peer.counted<PresenceReport>()));
      await first!.kill();
      await agreed(others);
      const after = await Promise.all(others.map((peer) => peer.counted<PresenceReport>()));
      expect(gone).toBeGreaterThan(20);
      for (const [at, { leaves, faults }] of after.entries()) {
        // Some additional members leave if another process was suspended for longer than its lease.
        expect(leaves - before[at]!.leaves).toBeGreaterThanOrEqual(gone);
        expect(faults).toEqual([]);
      }
      await churn(others);
      // One process closes its topics. Therefore the other processes do not have to wait for the end of its lease.
      const [last, ...rest] = others;
      await last!.command('end');
      await agreed(rest);
    } finally {
      await scenario.end();
    }
  });
});
