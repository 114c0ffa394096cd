/** Starts the browser of these tests: the Chromium of the system, which playwright-core controls. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The variable CHROMIUM names another executable. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** @throws if there is no Chromium: if a browser test were skipped instead, it would look like a test that passed */
export async function launchChromium(): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `there is no Chromium at ${executablePath}: install it (apt-get install chromium) or set CHROMIUM`,
    );
  }
  return await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
