/** FAULT-4: the memory budget counts about as many bytes as the process holds. Each scenario runs in a process of its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const built = new URL('../../dist/index.js', import.meta.url).href;

const MIB = 1024 * 1024;

/** Code that all scenarios use: peers without our library, and a function that waits and then measures the memory. */
const common = `
import { connect as connectTcp } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
const { MemoryBudget, WebSocketServer } = await import(${JSON.stringify(built)});

function frameHeader(first, length) {
  const header = Buffer.alloc(14);
  header[0] = first;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

async function peers(port, count) {
  const all = [];
  for (let index = 0; index < count; index++) {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
      'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n');
    await once(socket, 'data');
    socket.pause();
    all.push(socket);
  }
  return all;
}

/** Waits until the budget no longer changes, collects garbage, and returns the resident bytes of the process. */
async function settle(memoryBudget) {
  for (let before = -1, same = 0; same < 5; ) {
    await sleep(50);
    same = memoryBudget.used === before ? same + 1 : 0;
    before = memoryBudget.used;
  }
  for (let count = 0; count < 3; count++) {
    globalThis.gc();
    await sleep(20);
  }
  return process.memoryUsage.rss();
}

const memoryBudget = new MemoryBudget(1024 * 1024 * 1024);
async function start(handlers) {
  const server = new WebSocketServer({ error() {}, ...handlers }, { memoryBudget });
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, port };
}

async function finish(before) {
  const after = await settle(memoryBudget);
  console.log(JSON.stringify({ used: memoryBudget.used, grown: after - before }));
  process.exit();
}
`;

/** Runs a scenario in a new process. @returns the bytes that the budget counted at the end, and the growth of resident memory */
async function measure(scenario: string): Promise<{ used: number; grown: number }> {
  const options = ['--expose-gc', '--input-type=module', '-e', `${common}\n${scenario}`];
  // With these variables, the process immediately returns freed memory to the operating system.
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' };
  const { stdout } = await run(process.execPath, options, { env });
  return JSON.parse(stdout) as { used: number; grown: number };
}

function expectAlike({ used, grown }: { used: number; grown: number }): void {
  expect(used).toBeGreaterThan(30 * MIB);
  expect(grown).toBeLessThan(2 * used + 16 * MIB);
  expect(used).toBeLessThan(2 * grown);
}

test('FAULT-4: for unfinished messages, the memory budget counts about as many bytes as the process holds', async () => {
  const result = await measure(`
    const { port } = await start({ message() {} });
    const all = await peers(port, 200);
    const before = await settle(memoryBudget);
    const payload = Buffer.alloc(250 * 1024, 7);
    for (const socket of all) socket.write(Buffer.concat([frameHeader(0x82, 300 * 1024), payload]));
    while (memoryBudget.used < 200 * payload.length) await sleep(20);
    await finish(before);
  `);
  expectAlike(result);
});

test('FAULT-4: for messages that wait for a loop, the memory budget counts about as many bytes as the process holds', async () => {
  const result = await measure(`
    const { port } = await start({
      async open(connection) {
        for await (const message of connection) await sleep(1e9 + message.length);
      },
    });
    const all = await peers(port, 100);
    const before = await settle(memoryBudget);
    const message = Buffer.concat([frameHeader(0x82, 200 * 1024), Buffer.alloc(200 * 1024, 7)]);
    for (const socket of all) for (let count = 0; count < 3; count++) socket.write(message);
    while (memoryBudget.used < 100 * 2 * 200 * 1024) await sleep(20);
    await finish(before);
  `);
  expectAlike(result);
});

test('FAULT-4: for a broadcast that no peer reads, the memory budget counts about as many bytes as the process holds', async () => {
  const result = await measure(`
    const { server, port } = await start({ message() {} });
    await peers(port, 20);
    const before = await settle(memoryBudget);
    while (memoryBudget.used < 40 * 1024 * 1024) {
      server.broadcast(Buffer.alloc(256 * 1024, 7));
      await sleep(1);
    }
    await finish(before);
  `);
  expectAlike(result);
});
