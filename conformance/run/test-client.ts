/**
 * Tests a client that can be started: it runs all cases through the driver, and once more those that ran out of time.
 */

import { setTimeout as wait } from 'node:timers/promises';
import type { Case } from '../case/model.ts';
import { clockOf } from './clock.ts';
import { Driver, type DriverAddress } from './driver.ts';
import { type CaseResult, notRun } from './result.ts';
import { asRerun, mayBeLate, RERUN_FACTOR } from './test-server.ts';

/** How a client is tested. */
export interface ClientRun {
  readonly cases: readonly Case[];
  readonly agent: string;
  readonly full: boolean;
  readonly timeFactor: number;
  readonly listen: DriverAddress;
  /** Runs the client against this URL, as this agent, until it has gone through all cases or is told to stop. */
  readonly start: (url: string, agent: string, signal: AbortSignal) => Promise<void>;
  readonly commandOf: (id: string) => string;
  /** Told of each result as it comes; of a case that is run again, the second one only. */
  readonly onResult?: (result: CaseResult) => void;
}

/** Seconds in which a client may do nothing. */
const IDLE = 20;

/**
 * Runs the cases; those that the client did not run have failed.
 * @returns results in the order of the cases
 */
export async function testClient(run: ClientRun): Promise<CaseResult[]> {
  const { cases, agent, full, timeFactor, commandOf, onResult } = run;
  const first = new Map<string, CaseResult>();
  let again = false;
  const driver = new Driver({
    cases,
    full,
    timeFactor,
    commandOf,
    onResult(result) {
      if (result.agent !== agent) return;
      if (!again && !mayBeLate(result)) onResult?.(result);
      if (again) onResult?.(asRerun(first.get(result.id)!, result));
    },
  });
  try {
    const { port, address, family } = await driver.listen(run.listen);
    const host = family === 'IPv6' ? `[${address}]` : address;
    const url = `ws${run.listen.tls === undefined ? '' : 's'}://${host}:${port}`;
    let fault = await watch(driver, run, url);
    for (const [id, result] of driver.results.get(agent) ?? []) first.set(id, result);
    const late = cases.filter(({ id }) => first.has(id) && mayBeLate(first.get(id)!));
    if (late.length > 0) {
      again = true;
      driver.select(late, timeFactor * RERUN_FACTOR);
      fault = (await watch(driver, run, url)) ?? fault;
    }
    const why = `The client did not run this case${fault === null ? '' : `: ${fault}`}.`;
    return cases.map((one) => {
      const result = driver.results.get(agent)?.get(one.id);
      const before = first.get(one.id);
      if (before === undefined || result === undefined)
        return notRun(one, why, { agent, peer: 'client', command: commandOf(one.id) });
      return result === before ? before : asRerun(before, result);
    });
  } finally {
    await driver.close();
  }
}

/** Runs the client once. @returns what went wrong with it, null for nothing */
async function watch(driver: Driver, run: ClientRun, url: string): Promise<string | null> {
  const patience = clockOf(run.timeFactor).limit(IDLE);
  const stop = new AbortController();
  let over = false;
  let fault: string | null = null;
  driver.lastActivity = performance.now();
  const idle = async (): Promise<void> => {
    while (!over) {
      await wait(100);
      if (over || driver.isBusy || performance.now() - driver.lastActivity < patience) continue;
      fault = `it did nothing for ${patience / 1000} s`;
      stop.abort(new Error(fault));
      return;
    }
  };
  const watching = idle();
  try {
    await run.start(url, run.agent, stop.signal);
  } catch (error) {
    fault ??= (error as Error).message;
  }
  over = true;
  await Promise.all([watching, driver.settled()]);
  return fault;
}
