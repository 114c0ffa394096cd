/**
 * Tests the four processes of examples/chat-cluster.js over redis-server, and their members while Redis is killed and
 * started again.
 */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../api/pair.ts';
import { enterEverywhere, type Member, talk } from '../chat-cluster.ts';
import { Project } from '../consumers/project.ts';
import { killPrograms, startProgram } from '../program.ts';
import { Engine } from './engines.ts';
import { packages } from './project.ts';

const example = readFileSync(new URL('../../examples/chat-cluster.js', import.meta.url), 'utf8');
const project = new Project({
  'package.json': '{ "private": true, "type": "module" }',
  'chat-cluster.js': example,
});
let engine: Engine | null = null;

beforeAll(async () => {
  await project.install(packages[0]!);
});
afterEach(async () => {
  killPrograms();
  await engine?.remove();
});
afterAll(() => project.remove());

const saysAway = ({ lines }: Member): boolean => lines.includes('* The other processes are away');
const saysBack = ({ lines }: Member): boolean => lines.includes('* The other processes are here again');
const saysGap = ({ lines }: Member): boolean => lines.includes('* Lines may be missing here');

test('members at four processes receive all messages once and in order, and are notified when Redis is not reachable', async () => {
  engine = await Engine.start('redis');
  const REDIS_URL = `redis://127.0.0.1:${engine.port}`;
  const chat = startProgram(project.folder, 'chat-cluster.js', [], { REDIS_URL });
  const url = await chat.listening;
  const members = await enterEverywhere(url, 'garden', ['Ann', 'Bob', 'Cem', 'Dan']);
  await talk(members, 'hello', 200);
  expect(members.some((member) => saysAway(member) || saysGap(member))).toBe(false);

  await engine.kill();
  await until(() => members.every(saysAway));
  await engine.start();
  await until(() => members.every(saysBack) && members.every(saysGap));
  await talk(members, 'again', 200);

  // The process that replaces a killed one is connected to the bus as well.
  const [killed, ...left] = members;
  process.kill(killed!.process, 'SIGKILL');
  // Until the primary knows that the process is gone, it hands connections to this process.
  await until(() => chat.hasWritten(`process ${killed!.process} ended`));
  const others = await enterEverywhere(url, 'garden', ['Eve', 'Fay', 'Gus', 'Hal']);
  await talk([...others, ...left], 'with it', 50);

  chat.child.kill('SIGINT');
  const { status, output } = await chat.ended;
  expect(status, output).toBe(0);
  for (const member of others) expect(await member.closed).toMatchObject({ code: 1001 });
});
