/**
 * puppeteer-core controls Chromium over a WebSocket. It imports `ws`. `overrides` in package.json replaces `ws` with our package
 * (docs/from-ws.md). Set the environment variable CHROMIUM to the path of the browser.
 */
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // The first option disables the sandbox of Chromium. It is needed if root starts Chromium, for example in a container. Otherwise, omit
  // it.
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage();
await page.setContent('<title>A page</title><p>'.concat('word '.repeat(100_000)));
console.log(await page.title());
console.log(`${(await page.content()).length > 500_000}`);
await browser.close();
console.log('closed');
