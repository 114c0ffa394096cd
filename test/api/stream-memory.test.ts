/** Two processes send a message of 300 MB from file to file. Neither process holds the whole message. The receiver checks the UTF-8. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const built = new URL('../../dist/index.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'rfc6455-stream-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 1_048_576;
const SIZE = 300 * MIB;

/** Code of both processes. It reports the largest growth of the resident memory after the connection was opened. */
const common = `
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { connect, WebSocketServer } from ${JSON.stringify(built)};
let start = 0;
let peak = 0;
const measure = () => { peak = Math.max(peak, process.memoryUsage.rss()); };
const begin = () => { start = process.memoryUsage.rss(); setInterval(measure, 5).unref(); };
const report = (more) => { measure(); console.log(JSON.stringify({ growth: peak - start, ...more })); };
`;

const receiver = `${common}
const server = new WebSocketServer({
  open: begin,
  async stream(connection, message) {
    await pipeline(message, createWriteStream(process.argv[1]));
    report({ wireSize: message.wireSize, isBinary: message.isBinary });
    connection.close();
    server.shutdown();
  },
}, { maxStreamSize: Infinity });
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(port);
`;

const sender = `${common}
const connection = await connect('ws://127.0.0.1:' + process.argv[2]);
begin();
await connection.sendStream(createReadStream(process.argv[1]), { binary: false });
report({});
await connection.closed;
`;

function run(script: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let found: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    found = resolve;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().trim().split('\n'));
    found();
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return { lines, first, ended };
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

test('if two processes stream 300 MB of text from file to file, each process grows by less than 64 MB', {
  timeout: 240_000,
}, async () => {
  const source = join(folder, 'source');
  const target = join(folder, 'target');
  // The text has characters of one to four bytes. The end of a part may be inside a character.
  const block = Buffer.from('Zeile mit Größe, 中文 und 😀\n'.repeat(40_000)).subarray(0, MIB);
  const whole = block.subarray(0, block.lastIndexOf('\n'.charCodeAt(0)) + 1);
  const file = await open(source, 'w');
  for (let written = 0; written < SIZE; written += whole.length) await file.write(whole);
  await file.close();
  const server = run(receiver, target);
  await server.first;
  const client = run(sender, source, server.lines[0]!);
  await Promise.all([server.ended, client.ended]);
  const received = JSON.parse(server.lines[1]!);
  const sent = JSON.parse(client.lines[0]!);
  console.log(
    `growth in MiB: receiver ${(received.growth / MIB).toFixed(1)}, sender ${(sent.growth / MIB).toFixed(1)}`,
  );
  const { size } = statSync(source);
  expect(size).toBeGreaterThan(SIZE - 1);
  expect(received).toMatchObject({ wireSize: size, isBinary: false });
  expect(await hashOf(target)).toBe(await hashOf(source));
  expect(received.growth).toBeLessThan(64 * MIB);
  expect(sent.growth).toBeLessThan(64 * MIB);
});
