/**
 * Tests the four processes of examples/chat-cluster.js over redis-server and nats-server. The engine is killed and started again while
 * members are connected. Both engines keep a history, so no line is lost.
 */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../api/pair.ts';
import { enterEverywhere, Member, talk } from '../chat-cluster.ts';
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
  await project.install(...packages);
});
afterEach(async () => {
  killPrograms();
  await engine?.remove();
});
afterAll(() => project.remove());

const saysAway = ({ lines }: Member): boolean => lines.includes('* The other processes are away');
const saysBack = ({ lines }: Member): boolean => lines.includes('* The other processes are here again');
const saysGap = ({ lines }: Member): boolean => lines.includes('* Lines may be missing here');

const urls = {
  redis: (port: number) => ({ REDIS_URL: `redis://127.0.0.1:${port}`, NATS_URL: undefined }),
  nats: (port: number) => ({ REDIS_URL: undefined, NATS_URL: `127.0.0.1:${port}` }),
};

test.each(['redis', 'nats'] as const)(
  'if %s is killed, chat members on four processes still receive every line once and in order',
  async (kind) => {
    engine = await Engine.start(kind);
    const chat = startProgram(project.folder, 'chat-cluster.js', [], urls[kind](engine.port));
    const url = await chat.listening;
    const members = await enterEverywhere(url, 'garden', ['Ann', 'Bob', 'Cem', 'Dan']);
    await talk(members, 'hello', 200);
    await until(() => members.every(({ people }) => people.join() === 'Ann,Bob,Cem,Dan'));
    expect(members.some((member) => saysAway(member) || saysGap(member))).toBe(false);

    await engine.kill();
    await until(() => members.every(saysAway));
    members[0]!.say('is anybody there?');
    await engine.start();
    await until(() => members.every(saysBack));
    await until(() => members.every(({ lines }) => lines.includes('Ann: is anybody there?')));
    await talk(members, 'again', 200);
    expect(members.some(saysGap)).toBe(false);

    // The process that replaces the killed process is connected to the bus as well.
    const [killed, ...left] = members;
    const { lines, ids, offset } = await offsetOf(killed!);
    process.kill(killed!.process, 'SIGKILL');
    // Until the primary knows that the process has ended, the primary may give new connections to this process.
    await until(() => chat.hasWritten(`process ${killed!.process} ended`));
    await talk(left, 'without Ann', 50);

    // Another process serves the member that reconnects. The member receives each line that it missed, and receives no line twice.
    const back = await Member.enter(url, 'garden', 'Ann', offset);
    await talk([...left, back], 'with Ann', 50);
    for (const { name } of left) {
      expect(back.lines.filter((line) => line.startsWith(`${name}: without Ann `))).toHaveLength(50);
    }
    expect(back.ids.filter((id) => ids.includes(id))).toEqual([]);
    expect(new Set(back.ids).size).toBe(back.ids.length);
    expect([...back.lines, ...lines].filter((line) => line.startsWith('* Lines'))).toEqual([]);

    const others = await enterEverywhere(url, 'garden', ['Eve', 'Fay', 'Gus', 'Hal']);
    await talk([...others, ...left, back], 'with all', 50);

    // The server accepts an invalid offset, but notifies the member that lines may be missing.
    const stranger = await Member.enter(url, 'garden', 'Ida', 'invalid');
    expect(stranger.lines[0]).toBe('* Lines may be missing here');

    chat.child.kill('SIGINT');
    const { status, output } = await chat.ended;
    expect(status, output).toBe(0);
    for (const member of others) expect(await member.closed).toMatchObject({ code: 1001 });
  },
);

/** Asks for the offset of a member. @returns the offset, with the lines and ids that the member has received up to this offset */
async function offsetOf(member: Member): Promise<{ lines: string[]; ids: string[]; offset: string }> {
  member.offset = undefined;
  member.say('/offset');
  await until(() => member.offset !== undefined);
  return { lines: [...member.lines], ids: [...member.ids], offset: member.offset! };
}
