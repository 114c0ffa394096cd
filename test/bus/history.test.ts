/**
 * Tests the history of topics with a real redis-server, a real nats-server and the clients from npm. After a failure, a process receives
 * each missed message once and in order. A gap is reported only if the history does not contain a message, or if the engine never received
 * the message.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../consumers/project.ts';
import { CuttableProxy, Engine } from './engines.ts';
import { load, makeBus } from './make-bus.js';
import { type HistoryReport, packages } from './project.ts';
import { reportsOf, Scenario } from './scenario.ts';

const project = new Project({ 'package.json': '{ "private": true, "type": "module" }' });
beforeAll(async () => {
  await project.install(...packages);
});
afterAll(() => project.remove());

/** The number of messages in each scenario in which clients do not move. */
const count = 12_000;
/** The number of messages in each scenario in which clients move between servers. */
const moving = 8_000;

describe.each([
  ['redis', 'redis', { history: { size: 10_000 } }],
  ['ioredis, sharded', 'ioredis', { history: { size: 10_000 }, sharded: true }],
  ['NATS', 'nats', { history: { size: 10_000 } }],
])('the history of topics over a real %s', (_, kind, options) => {
  test('if Redis or NATS is killed twice and one process is killed, only messages with a rejected `publish` are lost', async () => {
    const scenario = await Scenario.start(project.folder, kind, options);
    try {
      await scenario.publishWithFailures(count);
      const reports = await reportsOf(scenario);
      const refused = new Set(reports.flatMap((report) => report.refused));
      for (const report of reports) {
        expect(report.faults).toEqual([]);
        expect(report.received).toBeGreaterThan(0);
        // The killed process, number 0, cannot report which of its messages the engine refused.
        expect(report.lost.filter((name) => !name.startsWith('0 ') && !refused.has(name))).toEqual([]);
      }
    } finally {
      await scenario.end();
    }
  });

  test('a process that was disconnected for too long is notified of a gap, and then receives the messages that the history keeps', async () => {
    const engine = await Engine.start(kind === 'nats' ? 'nats' : 'redis');
    const proxy = await CuttableProxy.start(engine.port);
    const small = JSON.stringify({ ...options, history: { size: 10 } });
    const away = await makeBus(project.folder, kind, String(proxy.port), small);
    const other = await makeBus(project.folder, kind, String(engine.port), small);
    const lines: string[] = [];
    try {
      await away.subscribe('t', {
        message: (_topic: string, bytes: Uint8Array) => lines.push(String(bytes)),
        gap: () => lines.push('gap'),
      });
      await other.publish('t', Buffer.from('0'));
      while (lines.length === 0) await delay(10);
      proxy.isRefusing = true;
      proxy.cut();
      await Promise.all(
        Array.from({ length: 1_000 }, (_, at) => other.publish('t', Buffer.from(String(at + 1)))),
      );
      proxy.isRefusing = false;
      while (lines.at(-1) !== '1000') await delay(10);
      expect(lines.slice(0, 2)).toEqual(['0', 'gap']);
      const kept = lines.slice(2).map(Number);
      expect(kept.length).toBeGreaterThanOrEqual(10);
      expect(kept.length).toBeLessThan(250);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => 1_001 - kept.length + at));
    } finally {
      await away.close();
      await other.close();
      await proxy.close();
      await engine.remove();
    }
  });

  test('clients that change servers and send their offsets receive each message at most once, and every gap is reported', async () => {
    const scenario = await Scenario.start(project.folder, kind, options, 'history-peer.js');
    try {
      const all = (command: string, value?: unknown): Promise<unknown> =>
        Promise.all(scenario.peers.map((peer) => peer.command(command, value)));
      const counted = (): Promise<HistoryReport[]> =>
        Promise.all(scenario.peers.map((peer) => peer.counted<HistoryReport>()));
      const ports = (await counted()).map(({ port }) => port);
      await all('ports', ports);
      await all('open');
      await scenario.publishWithFailures(moving, () => all('ports', ports.slice(1)));
      await all('stay');
      await all('finish');
      await all('settle', await counted());
      const reports = await counted();
      for (const report of reports) {
        expect(report.faults).toEqual([]);
        expect(report.moves).toBeGreaterThan(50);
        expect(report.received).toBeGreaterThan(0);
      }
    } finally {
      await scenario.end();
    }
  });
});

test('if three buses begin to use each of 500 new streams of NATS at the same time, nats-server does not crash', async () => {
  const engine = await Engine.start('nats');
  const { NatsBus } = await load(project.folder, 'topics.js');
  const packageOf = createRequire(join(project.folder, 'package.json'));
  const { connect } = packageOf('@nats-io/transport-node');
  const { jetstreamManager } = packageOf('@nats-io/jetstream');
  const connections = await Promise.all([1, 2, 3].map(() => connect({ port: engine.port })));
  const managers = await Promise.all(connections.map((connection) => jetstreamManager(connection)));
  try {
    const useStream = async (prefix: string): Promise<void> => {
      const buses = connections.map(
        (connection, at) => new NatsBus(connection, { prefix, history: { jetstream: managers[at] } }),
      );
      const received: string[] = [];
      const receiver = { message: (_topic: string, bytes: Uint8Array) => received.push(String(bytes)) };
      await Promise.all(buses.map((bus) => bus.subscribe('t', receiver)));
      await buses[0]!.publish('t', Buffer.from('1'));
      while (received.length < buses.length) await delay(10);
      expect(received).toEqual(['1', '1', '1']);
      for (const bus of buses) await bus.close();
    };
    for (let first = 0; first < 500; first += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, at) => useStream(`p${first + at}`)));
    }
    expect((await managers[0].getAccountInfo()).streams).toBe(500);
  } finally {
    for (const connection of connections) await connection.close();
    await engine.remove();
  }
});
