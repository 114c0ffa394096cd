/** Starts the Chromium of the system. The package playwright-core controls this browser. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The environment variable CHROMIUM can name another executable. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** @throws if Chromium is missing. A skipped browser test would look like a passed test. */
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
