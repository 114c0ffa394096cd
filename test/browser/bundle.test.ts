/** Bundles a program that imports rfc6455/websocket for browsers, and runs the program in Chromium against our server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { WebSocketServer } from '../../src/index.ts';
import { launchChromium } from './chromium.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles the same program for Node.js or for a page. @returns the code of the bundle */
async function bundleFor(platform: 'browser' | 'node'): Promise<string> {
  const folder = mkdtempSync(join(root, 'dist', 'bundle-test-'));
  const program = join(folder, 'program.js');
  writeFileSync(
    program,
    `import { WebSocket, CloseEvent } from 'rfc6455/websocket';
    export const echo = (url) => new Promise((resolve) => {
      const socket = new WebSocket(url);
      const seen = [];
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => { seen.push(data); socket.close(3001, 'bye'); };
      socket.onclose = (event) => resolve([...seen, event.code, event.wasClean, event instanceof CloseEvent]);
    });`,
  );
  try {
    const build = await rolldown({ input: program, platform, external: platform === 'node' ? /^node:/ : [] });
    const { output } = await build.generate({ format: 'esm' });
    await build.close();
    return output[0].code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the same program echoes in a page and in Node.js, and its bundle for the page imports no module of Node.js', async () => {
  const server = new WebSocketServer(
    { message: (connection, message) => connection.send(message) },
    { origins: 'any' },
  );
  const { port } = await server.listen();
  const url = `ws://127.0.0.1:${port}/`;
  const expected = ['hello', 3001, true, true];

  const code = await bundleFor('browser');
  expect(code).not.toContain('node:');
  expect(code.length).toBeLessThan(5000);
  const web = createServer((request, response) => {
    const isScript = request.url === '/program.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? code : '<!doctype html><title>page</title>');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => web.once('listening', resolve));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`);
    // The code is a string, because the test runner changes `import` in functions.
    const seen = await page.evaluate(`import('/program.js').then(({ echo }) => echo('${url}'))`);
    expect(seen).toEqual(expected);
  } finally {
    await browser.close();
    web.closeAllConnections();
    web.close();
  }

  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, await bundleFor('node'));
  expect(await (await import(file)).echo(url)).toEqual(expected);
  rmSync(folder, { recursive: true });
  await server.shutdown();
});
