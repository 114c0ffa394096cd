/**
 * Runs the driver as a server until it is stopped, like the fuzzing server of Autobahn.
 */

import { casesFor, type RunOptions } from './judge.ts';
import type { Screen } from './report/progress.ts';
import { Progress } from './report/progress.ts';
import { Driver, type DriverAddress } from './run/driver.ts';
import type { CaseResult } from './run/result.ts';

/**
 * Serves clients until SIGINT or SIGTERM, or until a client requests the end.
 * @param write writes the reports. Called when a client asks for the reports, and at the end
 */
export async function serveClients(
  address: DriverAddress,
  options: RunOptions,
  screen: Screen,
  write: (results: readonly CaseResult[]) => void,
): Promise<CaseResult[]> {
  const cases = casesFor('client', options);
  const progress = new Progress(screen, cases.length);
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const driver = new Driver({
    cases,
    full: options.profile === 'full',
    timeFactor: options.timeFactor ?? 1,
    commandOf: options.commandOf ?? (() => ''),
    onResult: (result) => progress.add(result),
    onReports: () => write(resultsOf(driver)),
    onStop: () => stop(),
  });
  const { port } = await driver.listen(address);
  const scheme = address.tls === undefined ? 'ws' : 'wss';
  screen.write(`listening on ${scheme}://${address.host}:${port}\n`);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  await stopped;
  process.off('SIGINT', stop).off('SIGTERM', stop);
  await driver.close();
  const results = resultsOf(driver);
  progress.end(results);
  return results;
}

function resultsOf(driver: Driver): CaseResult[] {
  return [...driver.results.values()].flatMap((list) => [...list.values()]);
}
