/** Tests what a process knows about the other processes that use presence: their leases, and the topics that they watch. */
import { expect, test } from 'vitest';
import { PresenceProcesses } from '../../../src/api/topics/presence-processes.ts';

const lease = 15_000;

test('a process is alive until its lease ends, and each message of the process renews the lease', () => {
  const processes = new PresenceProcesses(lease);
  expect(processes.nextEnd()).toBe(Number.POSITIVE_INFINITY);
  expect(processes.heardOf('a', null, 0)).toBe(lease);
  expect(processes.heardOf('b', 30_000, 0)).toBe(30_000);
  expect(processes.heardOf('a', null, 10_000)).toBe(25_000);
  // A message without a lease does not change the lease of the process.
  expect(processes.heardOf('b', null, 10_000)).toBe(40_000);
  expect(processes.nextEnd()).toBe(25_000);
  expect(processes.ended(24_999)).toEqual([]);
  expect(processes.ended(25_000)).toEqual(['a']);
  expect([...processes.names]).toEqual(['a', 'b']);
});

test('the lease of a process is at least one second and at most ten minutes', () => {
  const processes = new PresenceProcesses(lease);
  expect(processes.heardOf('a', 0, 0)).toBe(1_000);
  expect(processes.heardOf('a', 1e9, 0)).toBe(600_000);
});

test('at most 1,000 processes are kept, and then a new process is refused', () => {
  const processes = new PresenceProcesses(lease);
  for (let at = 0; at < 1_000; at++) expect(processes.heardOf(String(at), null, 0)).toBe(lease);
  expect(processes.heardOf('one more', null, 0)).toBeNull();
  expect(processes.heardOf('0', null, 1)).toBe(lease + 1);
  processes.delete('0');
  expect(processes.heardOf('one more', null, 0)).toBe(lease);
});

test('if a process does not name a watched topic again, the topic expires with the lease', () => {
  const processes = new PresenceProcesses(lease);
  const unwatched: string[] = [];
  processes.heardOf('a', null, 0);
  processes.watches('a', 'x', 0);
  processes.watches('a', 'y', 0);
  processes.watches('a', 'y', 5_000);
  const expire = (now: number): void =>
    processes.expireWatches(now, (topic, process) => unwatched.push(`${process} ${topic}`));
  expire(lease - 1);
  expect(unwatched).toEqual([]);
  expire(lease);
  expect(unwatched).toEqual(['a x']);
  expect([...processes.delete('a')]).toEqual(['y']);
  expect([...processes.delete('a')]).toEqual([]);
});

test('`extend` postpones the end of every lease, and the time when watched topics expire', () => {
  const processes = new PresenceProcesses(lease);
  processes.heardOf('a', null, 0);
  processes.watches('a', 'x', 0);
  processes.extend(1_000);
  expect(processes.nextEnd()).toBe(lease + 1_000);
  const unwatched: string[] = [];
  processes.expireWatches(lease, (topic) => unwatched.push(topic));
  expect(unwatched).toEqual([]);
});
