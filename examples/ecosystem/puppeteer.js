/**
 * puppeteer-core: it drives Chromium over a WebSocket, and imports `ws`, replaced by `overrides` (docs/from-ws.md).
 * The environment variable CHROMIUM names the browser.
 */
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Chromium has no sandbox where root starts it, as in containers; leave the first option out elsewhere.
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage();
await page.setContent('<title>A page</title><p>'.concat('word '.repeat(100_000)));
console.log(await page.title());
console.log(`${(await page.content()).length > 500_000}`);
await browser.close();
console.log('closed');
