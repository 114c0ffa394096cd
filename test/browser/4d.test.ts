/** Tests the 4D classes in a real browser: the chat of examples/4d, and the close codes that a page receives. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type TerminateEvent, WebServer, WebSocketServer } from '../../src/4d.ts';
import { interrupt, Running, tlsFixture, track } from '../cli/process.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
const certificates = mkdtempSync(join(tmpdir(), 'rfc6455-'));
beforeAll(async () => {
  browser = await launchChromium();
  copyFileSync(tlsFixture('localhost-cert.pem'), join(certificates, 'cert.pem'));
  copyFileSync(tlsFixture('localhost-key.pem'), join(certificates, 'key.pem'));
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});
afterAll(async () => {
  await browser?.close();
  rmSync(certificates, { recursive: true });
});

/** Opens the page of the chat in a tab. */
async function openTab(url: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const tab = await context.newPage();
  const faults: string[] = [];
  tab.on('pageerror', (error) => faults.push(String(error)));
  await tab.goto(url);
  await tab.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
  expect(faults).toEqual([]);
  return tab;
}

const lines = (tab: Page): Promise<string[]> => tab.getByRole('log').getByRole('listitem').allTextContents();
const line = (tab: Page, text: string) =>
  tab.getByRole('log').getByRole('listitem').filter({ hasText: text });

async function say(tab: Page, text: string): Promise<void> {
  await tab.getByLabel('Message', { exact: true }).fill(text);
  await tab.keyboard.press('Enter');
}

describe.each(['ws', 'wss'])('the chat of examples/4d over %s', (scheme) => {
  test('B-wss-connections, B-ws-order: each of two tabs receives the messages of the other tab, and is notified when the other tab is closed', async () => {
    const env = { ...process.env, PORT: '0', ...(scheme === 'wss' ? { CERTIFICATES: certificates } : null) };
    const server = track(new Running(process.execPath, ['examples/4d/chat.js'], { env }));
    const [, url = ''] = await server.output(/^listening on (\S+)$/m);
    expect(new URL(url).protocol).toBe(scheme === 'wss' ? 'https:' : 'http:');
    const ann = await openTab(url);
    await line(ann, 'Welcome on the chat!').waitFor();
    const bob = await openTab(url);
    await line(ann, 'New client connected').waitFor();
    await say(ann, 'hello <b>Bob</b>');
    await line(bob, 'hello <b>Bob</b>').waitFor();
    await say(bob, 'hello Ann');
    await line(ann, 'hello Ann').waitFor();
    await bob.close();
    await line(ann, 'Client disconnected').waitFor();
    expect(await lines(ann)).toEqual([
      'Welcome on the chat!',
      'New client connected',
      'I: hello <b>Bob</b>',
      'hello Ann',
      'Client disconnected',
    ]);
    // Ctrl-C stops the web server. This stops the WebSocket server as well.
    expect(await interrupt(server)).toBe(0);
    await ann.getByRole('status').filter({ hasText: 'Closed: 1001' }).waitFor();
    expect(server.stdout).toMatch(/\*\*\* Server closed\n$/);
  });
});

interface Closed {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

describe('the close codes that a browser receives from terminate', () => {
  let web: WebServer;
  let page: Page;
  beforeAll(async () => {
    web = new WebServer({
      port: 0,
      onRequest(_request, response) {
        response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>page</title>');
      },
    });
    await web.start();
  });
  afterAll(() => web.stop(0));

  /** Connects a page and calls `end`. @returns the close event of the page, and the event that `onTerminate` receives */
  async function closing(end: (wss: WebSocketServer) => void): Promise<[Closed, TerminateEvent]> {
    let tell: (event: TerminateEvent) => void = () => {};
    const told = new Promise<TerminateEvent>((resolve) => {
      tell = resolve;
    });
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage: (ws) => end(ws.wss), onTerminate: (_ws, event) => tell(event) }) },
      { server: web },
    );
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${web.port}/`);
    const seen = await page.evaluate(
      (url) =>
        new Promise<Closed>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => socket.send('end');
          socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
        }),
      `ws://127.0.0.1:${web.port}/`,
    );
    const event = await told;
    await wss.terminate();
    return [seen, event];
  }

  test('B-ws-terminate, C61: after terminate(3001, "bye") the page receives the code 3001 and the reason "bye"', async () => {
    const [seen, told] = await closing((wss) => wss.connections[0]?.terminate(3001, 'bye'));
    expect(seen).toEqual({ code: 3001, reason: 'bye', wasClean: true });
    expect(told).toEqual({ type: 'terminate', code: 3001, reason: 'bye' });
  });

  test.each([3000, 999, 5000])(
    'B-ws-terminate, C61: if 4D does not allow the code of terminate(%i, "bye"), the page receives 1000 and no reason',
    async (code) => {
      const [seen, told] = await closing((wss) => wss.connections[0]?.terminate(code, 'bye'));
      expect(seen).toEqual({ code: 1000, reason: '', wasClean: true });
      expect(told).toEqual({ type: 'terminate', code: 1000, reason: undefined });
    },
  );

  test('B-terminate-code, C78: after wss.terminate() the page receives the code 1001', async () => {
    const [seen, told] = await closing((wss) => void wss.terminate());
    expect(seen).toEqual({ code: 1001, reason: '', wasClean: true });
    expect(told.code).toBe(1001);
  });

  test('B-terminate-zero: wss.terminate(0) drops the connection, and the close event of the page has the code 1006', async () => {
    const [seen, told] = await closing((wss) => void wss.terminate(0));
    expect(seen).toEqual({ code: 1006, reason: '', wasClean: false });
    expect(told.code).toBe(1006);
  });

  test('B-ws-onTerminate, C76: onTerminate receives 1005 if the page closes without a code, and 1006 or 1001 if the tab is closed', async () => {
    let tell: (code: number) => void = () => {};
    const next = () =>
      new Promise<number>((resolve) => {
        tell = resolve;
      });
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage() {}, onTerminate: (_ws, { code }) => tell(code) }) },
      { server: web },
    );
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${web.port}/`);
    const url = `ws://127.0.0.1:${web.port}/`;
    const closed = next();
    await page.evaluate((to) => {
      const socket = new WebSocket(to);
      socket.onopen = () => socket.close();
    }, url);
    expect(await closed).toBe(1005);
    const torn = next();
    await page.evaluate(
      (to) =>
        new Promise<void>((resolve) => {
          new WebSocket(to).onopen = () => resolve();
        }),
      url,
    );
    await page.close();
    expect([1001, 1006]).toContain(await torn);
    await wss.terminate();
  });
});
