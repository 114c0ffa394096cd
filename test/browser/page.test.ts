/** Tests `npm start` and its page in Chromium. A new user tries the package in the same way. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Running, track } from '../cli/process.ts';
import { launchChromium } from './chromium.ts';

// Some functions below run inside the page. These are the globals that they use.
interface PageElement {
  readonly id: string;
  readonly parentElement: PageElement | null;
}
declare const document: { readonly activeElement: PageElement | null; readonly body: PageElement };
declare function getComputedStyle(element: PageElement): {
  readonly color: string;
  readonly backgroundColor: string;
};

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});
afterAll(() => browser?.close());

/** Runs `npm start` in a separate process group, as a shell does. */
async function npmStart(...args: string[]): Promise<{ readonly npm: Running; readonly url: string }> {
  const npm = track(new Running('npm', ['start', '--', '--port', '0', ...args], { detached: true }));
  const [, url = ''] = await npm.output(/^page on (http:\S+)\n/m);
  return { npm, url };
}

/** Simulates Ctrl-C. A terminal sends SIGINT to the whole process group. */
function pressCtrlC({ child }: Running): void {
  process.kill(-(child.pid ?? 0), 'SIGINT');
}

/** Opens the page, and records the errors on it. */
async function openPage(url: string, faults: string[] = []): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(url);
  await page.getByRole('status').filter({ hasText: 'Open' }).waitFor();
  return page;
}

const line = (page: Page, text: string | RegExp) =>
  page.getByRole('log').getByRole('listitem').filter({ hasText: text });
const time = /back in [\d.]+ ms/;

describe('the page that npm start serves', () => {
  let npm: Running;
  let url: string;
  beforeAll(async () => {
    ({ npm, url } = await npmStart());
  });

  test('for text and for 1 MiB of binary data, the page shows each echo and how long it took, and reports no error', async () => {
    const faults: string[] = [];
    const page = await openPage(url, faults);
    await page.getByLabel('Message', { exact: true }).fill('hello <b>there</b>');
    await page.keyboard.press('Enter');
    await line(page, 'hello <b>there</b>').filter({ hasText: time }).waitFor();
    await page.getByRole('button', { name: 'Send 1 MiB of random bytes' }).click();
    await line(page, '1,048,576 bytes').filter({ hasText: time }).waitFor();
    await page.getByLabel('Send a file').setInputFiles({
      name: 'three.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from([1, 2, 255]),
    });
    await line(page, '3 bytes: 01 02 ff').filter({ hasText: time }).waitFor();
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('');
    expect(faults).toEqual([]);
  });

  test('two tabs exchange text and binary messages, and each tab shows when the other tab joins and leaves', async () => {
    const ann = await openPage(url);
    const bob = await openPage(url);
    await line(ann, /a client joined, \d+ here/).waitFor();
    await ann.getByLabel('Name').fill('Ann');
    await ann.getByLabel('Message', { exact: true }).fill('hello Bob');
    await ann.getByRole('button', { name: 'Send', exact: true }).click();
    await line(bob, 'Ann: hello Bob').filter({ hasText: 'received' }).waitFor();
    await line(ann, 'Ann: hello Bob').filter({ hasText: time }).waitFor();
    await bob.getByRole('button', { name: 'Send 1 MiB of random bytes' }).click();
    await line(ann, '1,048,576 bytes').filter({ hasText: 'received' }).waitFor();
    // A tab does not show its own messages twice.
    expect(await line(ann, 'hello Bob').count()).toBe(1);
    await bob.getByRole('button', { name: 'Disconnect' }).click();
    await bob
      .getByRole('status')
      .filter({ hasText: 'Closed: 1000 (normal closure): the page said goodbye' })
      .waitFor();
    await line(ann, /a client left, \d+ here/).waitFor();
    await bob.getByRole('button', { name: 'Reconnect' }).click();
    await bob.getByRole('status').filter({ hasText: 'Open' }).waitFor();
    await line(ann, 'a client joined').nth(1).waitFor();
  });

  test('if a peer sends markup or scripts, the page shows them as plain text and does not run them', async () => {
    const [ann, bob] = [await openPage(url), await openPage(url)];
    const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await ann.getByLabel('Message', { exact: true }).fill(markup);
    await ann.keyboard.press('Enter');
    await line(bob, markup).waitFor();
    expect(await bob.getByRole('log').locator('img, script').count()).toBe(0);
    expect(await bob.title()).toBe('rfc6455: try the server');
  });

  test('the page can be used with the keyboard alone, and controls without a function are disabled or hidden', async () => {
    const page = await openPage(url);
    await page.getByLabel('Message', { exact: true }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('text');
    await page.keyboard.type('typed');
    await page.keyboard.press('Enter');
    await line(page, 'typed').filter({ hasText: time }).waitFor();
    expect(await page.getByRole('button', { name: 'Reconnect' }).isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Disconnect' }).press('Enter');
    await page.getByRole('status').filter({ hasText: 'Closed' }).waitFor();
    expect(await page.getByLabel('Message', { exact: true }).isDisabled()).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('connect');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'Open' }).waitFor();
  });

  test('a message over the limit closes the connection of the page with 1009, and the page shows the code', async () => {
    const page = await openPage(url);
    await page.getByLabel('Send a file').setInputFiles({
      name: 'large.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(1_048_577),
    });
    await page.getByRole('status').filter({ hasText: 'Closed: 1009 (message too big)' }).waitFor();
    await line(page, 'The server has the option --max-message-size').waitFor();
    await line(page, '1,048,577 bytes').filter({ hasText: 'did not come back' }).waitFor();
  });

  test.each(['light', 'dark'] as const)(
    'the text of the page is readable in the colour scheme "%s"',
    async (colorScheme) => {
      const page = await openPage(url);
      await page.emulateMedia({ colorScheme });
      await page.getByLabel('Message', { exact: true }).fill('hello');
      await page.keyboard.press('Enter');
      await line(page, 'hello').filter({ hasText: time }).waitFor();
      for (const selector of [
        '#status',
        '#url',
        '#help',
        '#log .note .what',
        '#log .mine .what',
        '#log .mine .time',
        'button.main',
        'label',
      ]) {
        // WCAG 2 AA requires a contrast of at least 4.5.
        expect(await page.locator(selector).first().evaluate(contrast), selector).toBeGreaterThanOrEqual(4.5);
      }
    },
  );

  test('[C22] Ctrl-C closes the connections of both tabs with 1001', async () => {
    const tabs = [await openPage(url), await openPage(url)];
    pressCtrlC(npm);
    for (const tab of tabs) {
      await tab.getByRole('status').filter({ hasText: 'Closed: 1001 (going away)' }).waitFor();
      expect(await line(tab, 'not clean').count()).toBe(0);
    }
    await npm.exit;
    expect(npm.stderr).not.toMatch(/^ +at /m);
  });
});

/** Returns the contrast between the text of an element and its background, as WCAG 2 defines it. Runs inside the page. */
function contrast(element: PageElement): number {
  const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  let behind: PageElement | null = element;
  while (behind !== null && channels(getComputedStyle(behind).backgroundColor)[3] === 0)
    behind = behind.parentElement;
  const ground = luminance(getComputedStyle(behind ?? document.body).backgroundColor);
  const ink = luminance(getComputedStyle(element).color);
  return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
}
