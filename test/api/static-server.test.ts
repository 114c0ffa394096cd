/** How the server sends files to clients that disconnect early, do not read, or send several requests at once. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { serveFile } from '../../src/api/static-server.ts';
import { closeServers, listenHttp } from '../transport/servers.ts';
import { until } from './pair.ts';

const descriptors = '/proc/self/fd';
const folders: string[] = [];

afterEach(async () => {
  await closeServers();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Starts a server with a file that is larger than the buffers of a socket. */
async function serveLargeFile(stallTimeout?: number) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'rfc6455-')));
  folders.push(root);
  const large = join(root, 'large.bin');
  writeFileSync(large, Buffer.alloc(32 * 1024 * 1024));
  writeFileSync(join(root, 'a.txt'), 'first');
  writeFileSync(join(root, 'b.txt'), 'second');
  let requests = 0;
  const sockets: Socket[] = [];
  const http = createServer((request, response) => {
    requests++;
    void serveFile({ root, homepage: 'index.html', stallTimeout }, request, response);
  });
  http.on('connection', (socket) => sockets.push(socket));
  const port = await listenHttp(http);
  /** Returns how many file descriptors of this process refer to the large file. */
  const open = (): number =>
    readdirSync(descriptors).filter((name) => {
      try {
        return readlinkSync(join(descriptors, name)) === large;
      } catch {
        return false;
      }
    }).length;
  const ask = (path: string, count = 1): Socket => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(count));
    return socket;
  };
  const areClosed = (): boolean => sockets.every((socket) => socket.destroyed);
  return { ask, open, areClosed, large, requests: () => requests };
}

describe.skipIf(!existsSync(descriptors))('the server leaves no file open', () => {
  test('the server leaves no file open if clients disconnect while the server looks for the file', async () => {
    const { ask, open, areClosed, requests } = await serveLargeFile();
    for (let count = 1; count <= 40; count++) {
      const socket = ask('/large.bin');
      await until(() => requests() === count);
      socket.resetAndDestroy();
    }
    await until(() => areClosed() && open() === 0);
  });

  test('if a client sends many requests and does not read, the server opens the file only once', async () => {
    const { ask, open, areClosed, requests } = await serveLargeFile();
    const socket = ask('/large.bin', 200);
    await until(() => requests() === 200 && open() === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(open()).toBe(1);
    socket.destroy();
    await until(() => areClosed() && open() === 0);
  });

  test('the server leaves no file open if a client reads nothing until the deadline', async () => {
    const { ask, open, areClosed } = await serveLargeFile(200);
    const socket = ask('/large.bin');
    await until(() => open() === 1);
    await until(() => areClosed() && open() === 0);
    socket.destroy();
  });
});

test('if a client sends several requests without waiting for answers, the server sends the answers in the order of the requests', async () => {
  const { ask } = await serveLargeFile();
  let received = '';
  const socket = ask('/a.txt');
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  for (const path of ['/b.txt', '/nothing', '/a.txt'])
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await until(() => received.split('HTTP/1.1').length === 5 && received.endsWith('first'));
  expect(received.match(/first|second|Not Found\n/g)).toEqual(['first', 'second', 'Not Found\n', 'first']);
  socket.destroy();
});

test('if a file becomes shorter while the server sends it, the server ends the connection', async () => {
  const { ask, large } = await serveLargeFile();
  const socket = ask('/large.bin');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  truncateSync(large, 1000);
  socket.write('GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let end = '';
  socket.on('data', (chunk) => {
    end = (end + chunk.toString('latin1')).slice(-200);
  });
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
  expect(end).not.toContain('first');
});
