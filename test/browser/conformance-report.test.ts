/** Tests the HTML report of the conformance judge in Chromium, offline and with the keyboard. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Case } from '../../conformance/case/model.ts';
import { select } from '../../conformance/case/select.ts';
import { allCases } from '../../conformance/cases.ts';
import { html } from '../../conformance/report/html.ts';
import type { CaseResult } from '../../conformance/run/result.ts';
import { correct, type Rules } from '../conformance/broken/rules.ts';
import { tryServer } from '../conformance/broken/run.ts';
import { launchChromium } from './chromium.ts';

// Some functions below run inside the page. These are the globals that they use.
interface PageElement {
  readonly tagName: string;
  readonly id: string;
  readonly textContent: string | null;
  readonly scrollWidth: number;
  readonly clientWidth: number;
}
declare const document: { readonly activeElement: PageElement; readonly documentElement: PageElement };

const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202e';
const cases: Case[] = select(allCases, 'server', { cases: ['1.1.1', '1.1.2', '2', '7.13.1'], exclude: [] });

/**
 * Returns the results of a real server with these rules. The report shows one correct server, and one that answers no ping and sends markup
 * in its Close frames.
 */
async function resultsOf(agent: string, rules: Rules): Promise<CaseResult[]> {
  return (await tryServer(rules, cases)).map((one) => ({ ...one, agent }));
}

let browser: Browser;
let folder: string;
let url: string;
beforeAll(async () => {
  browser = await launchChromium();
  const hostile: Rules = {
    ...correct,
    pong: () => null,
    closeAnswer: (payload) =>
      Buffer.concat([
        payload.length < 2 ? Buffer.from([3, 232]) : payload.subarray(0, 2),
        Buffer.from(markup),
      ]),
  };
  const failing = await resultsOf(markup, hostile);
  const results = [...(await resultsOf('right', correct)), ...failing];
  folder = mkdtempSync(join(tmpdir(), 'rfc6455-report-'));
  writeFileSync(join(folder, 'report.html'), html(results));
  url = pathToFileURL(join(folder, 'report.html')).href;
  const own = failing.map((one) => ({ ...one, agent: 'wrong' }));
  writeFileSync(join(folder, 'one.html'), html(own));
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});
afterAll(async () => {
  await browser?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** Opens the report offline. `requests` receives each URL that the report tries to load and each message of the console. */
async function openReport(requests: string[] = []): Promise<Page> {
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => requests.push(message.text()));
  await page.goto(url);
  return page;
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { tagName, id, textContent } = document.activeElement;
    return `${tagName}#${id} ${textContent?.trim().replace(/\s+/g, ' ')}`;
  });

/** Presses Tab until this element has the focus. */
async function tabTo(page: Page, wanted: RegExp): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if (wanted.test(await focused(page))) return;
  }
  throw new Error(`Tab does not come to ${wanted}`);
}

describe('the HTML report of the conformance judge', () => {
  test('the HTML report loads no other resource, and begins with a verdict for each implementation', async () => {
    const requests: string[] = [];
    const page = await openReport(requests);
    expect(requests).toEqual([url]);
    expect(await page.locator('.verdict .figure').allInnerTexts()).toEqual([
      'All 14 passed',
      '8 failed of 14 cases',
    ]);
    expect(await page.locator('.verdict').nth(1).locator('.legend').innerText()).toMatch(
      /✓ 5 OK[\s\S]*✗ 8 failed/,
    );
  });

  test('the row of a failed case shows why the case has failed', async () => {
    const page = await openReport();
    const rows = page.locator('.failures details.case');
    expect(await rows.count()).toBe(8);
    expect(await rows.first().locator('.why').innerText()).toMatch(
      /^The judge received .*, but expected a pong of 0 /,
    );
    expect(await page.locator('#cases').getAttribute('open')).toBeNull();
  });

  test('each group has a link to its cases, and the link opens the list of cases', async () => {
    const page = await openReport();
    expect(await page.locator('.matrix tbody th').allTextContents()).toEqual([
      '1 Framing',
      '2 Pings and pongs',
      '7 Closing',
    ]);
    const pings = page.locator('.matrix tbody tr').nth(1).locator('td');
    expect(await pings.nth(0).innerText()).toMatch(/✓\s*11/);
    expect(await pings.nth(1).innerText()).toMatch(/✗\s*3 of 11\s*8 failed/);
    await pings.nth(1).locator('a').click();
    expect(new URL(page.url()).hash).toBe('#a1-g2');
    await page.locator('#a1-g2').waitFor({ state: 'visible' });
  });

  test('a reader can reach a failed case, its rule and its timeline with the keyboard alone', async () => {
    const page = await openReport();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('A# To all cases');
    await tabTo(page, /^SUMMARY# 2\.1/);
    await page.keyboard.press('Enter');
    const timeline = page.getByRole('region', { name: 'Timeline of case 2.1' }).last();
    await timeline.waitFor();
    expect(await timeline.innerText()).toMatch(/judge →\s+frame ping, 0 bytes FIN, masked with/);
    expect(await timeline.innerText()).toMatch(/← peer\s+frame close, \d+ bytes FIN, not masked/);
    expect(await page.locator('details[open]').getByRole('link', { name: 'RFC 6455 §5.5.2' }).count()).toBe(
      1,
    );
    await tabTo(page, /^A# RFC 6455 §5\.5\.2$/);
    await tabTo(page, /^DIV# Timeline/);
  });

  test('with the arrow keys, a reader can make the report show only failed cases', async () => {
    const page = await openReport();
    await page.locator('#cases > summary').click();
    expect(await page.locator('tr.row:visible').count()).toBe(28);
    await tabTo(page, /^INPUT#show-all/);
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toMatch(/^INPUT#show-failed/);
    expect(await page.locator('tr.row:visible').count()).toBe(8);
    expect(await page.locator('tr.row.ok:visible').count()).toBe(0);
  });

  test('the search and the sorting of the report work without a server', async () => {
    const page = await openReport();
    await page.locator('#cases > summary').click();
    await page.locator('#search').fill('ping §5.5.2');
    const shown = await page.locator('tr.row:visible .id').allInnerTexts();
    expect(shown.length).toBeGreaterThan(4);
    expect(shown.every((id) => id.startsWith('2.'))).toBe(true);
    expect(await page.locator('#count').innerText()).toBe(`${shown.length} of 28`);
    await page.locator('#search').fill('');
    await page.getByRole('button', { name: 'ms' }).click();
    const times = (await page.locator('tr.row .ms').allInnerTexts()).map(Number);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    await page.getByRole('button', { name: 'Verdict' }).click();
    expect(await page.locator('tr.row .v').first().innerText()).toContain('Failed');
    expect(await page.locator('th[aria-sort]').count()).toBe(1);
    await page.getByRole('button', { name: 'Case', exact: true }).click();
    expect((await page.locator('tr.row .id').allInnerTexts()).slice(0, 3)).toEqual(['1.1.1', '1.1.2', '2.1']);
  });

  test('without JavaScript the report still shows every case', async () => {
    const context = await browser.newContext({ offline: true, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url);
    await page.locator('#cases > summary').click();
    expect(await page.locator('tr.row:visible').count()).toBe(28);
    expect(await page.locator('#tools').isVisible()).toBe(false);
  });

  test('the report shows the name and all data of a peer as text and not as markup', async () => {
    const page = await openReport();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
    expect(await page.title()).toBe('8 failed: WebSocket conformance');
    expect(await page.locator('.verdict h2').nth(1).innerText()).toContain('<img src=x onerror=');
    expect(await page.locator('.verdict h2').nth(1).innerText()).toContain('\\u{202e}');
    expect(await page.locator('td', { hasText: '<script>' }).count()).toBeGreaterThan(0);
  });

  test('the verdict and the first failure are on the first screen of a phone, and no text is cut off', async () => {
    const page = await openReport();
    await page.setViewportSize({ width: 360, height: 700 });
    await page.goto(url.replace('report.html', 'one.html'));
    const verdicts = await page.locator('.verdict').last().boundingBox();
    const failure = await page.locator('.failures summary').first().boundingBox();
    expect(verdicts!.y + verdicts!.height).toBeLessThan(700);
    expect(failure!.y + failure!.height).toBeLessThan(700);
    await page.goto(url);
    await page.locator('#cases > summary').click();
    const { scrollWidth, clientWidth } = await page.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth,
      clientWidth: document.documentElement.clientWidth,
    }));
    expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
  });
});
