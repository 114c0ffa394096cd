/**
 * Tests the buses with real engines (message brokers): redis-server and nats-server of Debian, with the clients from npm. Four processes
 * have 500 subscribers each and 50 topics. They send up to 200,000 messages from random publishers. A subscriber that misses messages must
 * be notified before it receives the next messages.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../consumers/project.ts';
import { packages } from './project.ts';
import { reportsOf, Scenario, size } from './scenario.ts';

const project = new Project({ 'package.json': '{ "private": true, "type": "module" }' });
beforeAll(async () => {
  await project.install(...packages);
});
afterAll(() => project.remove());

/** The number of messages in the scenarios with failures. It is large, so that messages are being published during each failure. */
const fewer = 40_000;

const buses: readonly (readonly [string, string, number, object])[] = [
  ['redis', 'redis', 40_000, {}],
  ['ioredis', 'ioredis', 40_000, {}],
  ['ioredis, sharded', 'ioredis', 40_000, { sharded: true }],
  ['NATS', 'nats', 200_000, {}],
];

describe.each(buses)('a bus over a real %s', (_, kind, messages, options) => {
  test('every subscriber receives every message of its topics once, in the order of the publisher', async () => {
    const scenario = await Scenario.start(project.folder, kind, options);
    try {
      await scenario.publish(messages);
      const reports = await reportsOf(scenario);
      for (const report of reports) {
        expect(report).toMatchObject({
          gaps: 0,
          missed: 0,
          rejected: 0,
          published: messages / size,
          faults: [],
        });
      }
      // Each message, including the last ones, goes to 50 subscribers in each of the three other processes.
      const received = reports.reduce((sum, report) => sum + report.received, 0);
      expect(received).toBe((messages + size * 50) * (size - 1) * 50);
    } finally {
      await scenario.end();
    }
  });

  test('if Redis or NATS is killed twice and one process is killed, every gap is reported and no message arrives twice', async () => {
    const scenario = await Scenario.start(project.folder, kind, options);
    try {
      await scenario.publishWithFailures(fewer);
      const reports = await reportsOf(scenario);
      for (const report of reports) {
        expect(report.faults).toEqual([]);
        expect(report.gaps).toBeGreaterThan(0);
        expect(report.received).toBeGreaterThan(0);
      }
      expect(reports.reduce((sum, { missed }) => sum + missed, 0)).toBeGreaterThan(0);
    } finally {
      await scenario.end();
    }
  });
});
