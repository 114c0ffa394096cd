/** Tests the WebSocket of Chromium with `rfc6455 serve` and with a server of the library. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CloseInfo, WebSocketServer } from '../../src/index.ts';
import { interrupt, serve, tlsFixture } from '../cli/process.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
/** The origin of this page differs from the origin of every server in this file. */
let page: Page;
const elsewhere = createServer((_request, response) =>
  response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>elsewhere</title>'),
);
beforeAll(async () => {
  browser = await launchChromium();
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
});
afterAll(async () => {
  await browser?.close();
  elsewhere.close();
});

interface Exchange {
  /** The received echoes. A text is stored unchanged. A binary message is stored as its size and its checksum. */
  readonly messages: readonly string[];
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** Sends each message after the echo of the previous message has arrived, and then closes. Runs inside the page. */
async function exchange(
  {
    url,
    send,
    close,
  }: { url: string; send: readonly (string | number)[]; close?: { code: number; reason: string } },
  on: Page = page,
): Promise<Exchange> {
  return await on.evaluate(
    ([to, outgoing, goodbye]) =>
      new Promise<Exchange>((resolve) => {
        const socket = new WebSocket(to);
        socket.binaryType = 'arraybuffer';
        const messages: string[] = [];
        const left = [...outgoing];
        const sum = (bytes: Uint8Array): string =>
          `${bytes.length} ${bytes.reduce((a, b) => (a * 31 + b) % 65_521, 7)}`;
        const next = (): void => {
          const message = left.shift();
          if (message === undefined) {
            if (goodbye !== null) socket.close(goodbye.code, goodbye.reason);
          } else if (typeof message === 'string') socket.send(message);
          else {
            const bytes = Uint8Array.from({ length: message }, (_, i) => (i * 7) % 251);
            messages.push(`sent ${sum(bytes)}`);
            socket.send(bytes);
          }
        };
        socket.onopen = next;
        socket.onmessage = ({ data }) => {
          messages.push(typeof data === 'string' ? data : `back ${sum(new Uint8Array(data))}`);
          next();
        };
        socket.onclose = ({ code, reason, wasClean }) => resolve({ messages, code, reason, wasClean });
      }),
    [url, send, close ?? null] as const,
  );
}

/** Checks that the echo of a binary message has the size and the checksum of the message that was sent. */
function expectWhole(messages: readonly string[], size: number): void {
  const [sent = '', back] = messages;
  expect(sent).toMatch(new RegExp(`^sent ${size} \\d+$`));
  expect(back).toBe(sent.replace('sent', 'back'));
}

describe('a browser and the echo server', () => {
  test.each([
    [1000, ''],
    [1000, 'bye'],
    [3000, 'own reason: héllo'],
  ])(
    '`serve` echoes the text and binary messages of a browser, and the browser can close with %i %j',
    async (code, reason) => {
      const { server, url } = await serve('--any-origin');
      const text = 'héllo 世界 🙂';
      const { messages, ...end } = await exchange({
        url,
        send: [text, '', 'x'.repeat(70_000), 0, 5, 70_000],
        close: { code, reason },
      });
      expect(messages.slice(0, 3)).toEqual([text, '', 'x'.repeat(70_000)]);
      expectWhole(messages.slice(3, 5), 0);
      expectWhole(messages.slice(5, 7), 5);
      expectWhole(messages.slice(7, 9), 70_000);
      expect(end).toEqual({ code, reason, wasClean: true });
      await interrupt(server);
    },
  );

  test('`serve` echoes a message of 16 MiB if the limit allows it, and otherwise the connection closes with 1009', async () => {
    const size = 16_777_216;
    const { server, url } = await serve('--any-origin', '--max-message-size', String(size));
    const { messages, ...end } = await exchange({ url, send: [size], close: { code: 1000, reason: '' } });
    expectWhole(messages, size);
    expect(end).toEqual({ code: 1000, reason: '', wasClean: true });
    expect((await exchange({ url, send: [size + 1] })).code).toBe(1009);
    await interrupt(server);
  });

  test('[C22] SIGTERM makes `serve` close the connection of a browser with 1001', async () => {
    const { server, url } = await serve('--any-origin');
    const ended = exchange({ url, send: ['hello', 'hello'] });
    await exchange({ url, send: ['x'], close: { code: 1000, reason: '' } });
    server.child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 1001, wasClean: true });
    expect(await server.exit).toBe(0);
  });
});

describe('a browser and a server of the library', () => {
  test.each([
    [1000, 'enough'],
    [3000, 'own reason: héllo'],
    [4999, ''],
  ])(
    "the server's Close with %i %j reaches the browser, and the browser's Close reaches the server",
    async (code, reason) => {
      let closed: Promise<CloseInfo> | undefined;
      const server = new WebSocketServer(
        {
          message(connection) {
            closed = connection.close(code, reason);
          },
        },
        { origins: 'any' },
      );
      const { port } = await server.listen();
      expect(await exchange({ url: `ws://127.0.0.1:${port}/`, send: ['go'] })).toEqual({
        messages: [],
        code,
        reason,
        wasClean: true,
      });
      expect(await closed).toMatchObject({ code, wasClean: true });
      await server.shutdown();
    },
  );

  test('text and binary messages that the server sends in many frames arrive in the browser as one message each', async () => {
    const server = new WebSocketServer(
      {
        message(connection, message) {
          connection.send(message, { fragmentSize: 1000 });
        },
      },
      { origins: 'any' },
    );
    const { port } = await server.listen();
    const text = '🙂'.repeat(2000);
    const { messages } = await exchange({
      url: `ws://127.0.0.1:${port}/`,
      send: [text, 100_000],
      close: { code: 1000, reason: '' },
    });
    expect(messages[0]).toBe(text);
    expectWhole(messages.slice(1), 100_000);
    await server.shutdown();
  });
});

describe('the origin of a page', () => {
  test('S12, S21: the server refuses a page of another origin', async () => {
    for (const options of [[], ['--page']]) {
      const { server, url } = await serve(...options);
      expect(await exchange({ url, send: ['hello'] })).toEqual({
        messages: [],
        code: 1006,
        reason: '',
        wasClean: false,
      });
      await interrupt(server);
    }
  });

  test('the server accepts a page of another origin with --any-origin', async () => {
    const { server, url } = await serve('--page', '--any-origin');
    const { messages } = await exchange({ url, send: ['hello'], close: { code: 1000, reason: '' } });
    expect(messages).toEqual(['hello']);
    await interrupt(server);
  });
});

test('O9: a page connects over wss and exchanges messages with our server', async () => {
  const certificate = [
    '--tls-cert',
    tlsFixture('localhost-cert.pem'),
    '--tls-key',
    tlsFixture('localhost-key.pem'),
  ];
  const { server, url } = await serve('--page', ...certificate);
  const [, address = ''] = await server.output(/page on (https:\S+)\n/);
  const secure = await page.context().newPage();
  await secure.goto(address);
  await secure.getByRole('status').filter({ hasText: 'Open' }).waitFor();
  expect(await secure.locator('#url').textContent()).toBe(url);
  const { messages } = await exchange(
    { url, send: ['hello', 100_000], close: { code: 1000, reason: '' } },
    secure,
  );
  expect(messages[0]).toBe('hello');
  expectWhole(messages.slice(1), 100_000);
  await interrupt(server);
  await secure.getByRole('status').filter({ hasText: 'Closed: 1001' }).waitFor();
  await secure.close();
});

describe.each(['auto', 'zlib'] as const)('a browser with permessage-deflate, engine %s', (engine) => {
  // Chromium offers `permessage-deflate; client_max_window_bits`, so a server may request any parameter.
  test.each([
    ['nothing', {}, []],
    [
      'no context takeover',
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      ['context_takeover'],
    ],
    ['small windows', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, ['window_bits']],
    ['the smallest windows', { serverMaxWindowBits: 8, clientMaxWindowBits: 8 }, ['window_bits']],
  ] as const)(
    'P2, P6, P7, P9, P10, P23, P26, P27: our server and the browser exchange compressed messages if the server requests %s',
    async (_, wishes, answered) => {
      const sizes: [number, number, number][] = [];
      let answer: readonly (readonly [string, string | null])[] | undefined;
      const server = new WebSocketServer(
        {
          open(connection) {
            answer = connection.extensions[0]?.parameters;
          },
          message(connection, message, _isBinary, wireSize) {
            connection.send(message);
            sizes.push([Buffer.byteLength(message), wireSize, connection.lastWireSize]);
          },
        },
        { origins: 'any', compression: { threshold: 0, engine, synchronous: true, ...wishes } },
      );
      const { port } = await server.listen();
      const json = JSON.stringify(
        Array.from({ length: 40 }, (_v, id) => ({ id, name: 'héllo 世界', on: id % 3 === 0 })),
      );
      const send = [
        json,
        json,
        'a',
        '',
        json.repeat(60),
        json.repeat(600),
        json,
        0,
        5,
        300,
        70_000,
        1_000_000,
      ];
      const url = `ws://127.0.0.1:${port}/`;
      const { messages, ...end } = await exchange({ url, send, close: { code: 1000, reason: '' } });
      expect(messages.slice(0, 7)).toEqual(send.slice(0, 7));
      for (const [index, size] of [0, 5, 300, 70_000, 1_000_000].entries()) {
        expectWhole(messages.slice(7 + 2 * index, 9 + 2 * index), size);
      }
      expect(end).toEqual({ code: 1000, reason: '', wasClean: true });
      const names = answer?.map(([name]) => name).join();
      for (const part of answered) expect(names).toContain(part);
      // The messages were compressed in both directions. The second of two equal messages is small only if the context is kept.
      expect(sizes.length).toBe(send.length);
      for (const [size, received, sent] of [sizes[0]!, sizes[4]!, sizes[5]!]) {
        expect(received).toBeLessThan(size / 2);
        expect(sent).toBeLessThan(size / 2);
      }
      await server.shutdown();
    },
  );
});
