/**
 * puppeteer-core controls Chromium over a WebSocket. It imports `ws`; `overrides` in package.json replaces `ws` by our classes
 * (docs/from-ws.md). The environment variable CHROMIUM is the path of the browser.
 */
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // The first option is needed if root starts Chromium, as in containers, since Chromium then has no sandbox. Omit the option otherwise.
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage();
await page.setContent('<title>A page</title><p>'.concat('word '.repeat(100_000)));
console.log(await page.title());
console.log(`${(await page.content()).length > 500_000}`);
await browser.close();
console.log('closed');
