/**
 * Tests a client that the judge (this test program) can start. The client runs all cases through the driver. Then the client runs the cases
 * that ran out of time a second time.
 */

import { setTimeout as wait } from 'node:timers/promises';
import type { Case } from '../case/model.ts';
import { clockOf } from './clock.ts';
import { Driver, type DriverAddress } from './driver.ts';
import { type CaseResult, notRun } from './result.ts';
import { asRerun, lateCases, mayBeLate, RERUN_FACTOR } from './test-server.ts';

/** The settings for testing a client. */
export interface ClientRun {
  readonly cases: readonly Case[];
  readonly agent: string;
  readonly full: boolean;
  readonly timeFactor: number;
  /** The number of copies of the client that run at the same time, if the judge may choose the port. */
  readonly parallel: number;
  readonly listen: DriverAddress;
  /** Runs the client with this URL and this agent name, until it has run all cases or the signal aborts. */
  readonly start: (url: string, agent: string, signal: AbortSignal) => Promise<void>;
  readonly commandOf: (id: string) => string;
  /** Is called with each result. A case that is run a second time is reported only with its second result. */
  readonly onResult?: (result: CaseResult) => void;
  /** Returns true if a baseline already has this result. The case is then not run a second time. */
  readonly isKnown?: (result: CaseResult) => boolean;
}

/** The seconds for which a client may be inactive. */
const IDLE = 20;
/** A client that ends during a case is started again for the other cases. This is the maximum number of restarts. */
const MAX_RESTARTS = 20;

/** `results` has the results by case id. `fault` is a sentence about a fault of the client process, or null. */
interface Pass {
  readonly results: ReadonlyMap<string, CaseResult>;
  readonly fault: string | null;
}

/**
 * Tests a client. A case that the client did not run has failed.
 * @returns the results in the order of the cases
 */
export async function testClient(run: ClientRun): Promise<CaseResult[]> {
  const { cases, agent, timeFactor, commandOf, onResult } = run;
  const first = await runAll(run, cases, timeFactor, (result) => {
    if (!mayBeLate(result)) onResult?.(result);
  });
  const late = lateCases(run, first.results);
  const marked = (result: CaseResult): CaseResult => asRerun(first.results.get(result.id)!, result);
  const second = await runAll(run, late, timeFactor * RERUN_FACTOR, (result) => onResult?.(marked(result)));
  const fault = first.fault ?? second.fault;
  const why = `The client did not run this case${fault === null ? '' : `: ${fault}`}.`;
  return cases.map((one) => {
    const [before, after] = [first.results.get(one.id), second.results.get(one.id)];
    if (after !== undefined) return marked(after);
    if (before !== undefined) return before;
    const result = notRun(one, why, { agent, peer: 'client', command: commandOf(one.id) });
    onResult?.(result);
    return result;
  });
}

/** Runs several copies of the client at the same time. Each copy runs a part of the cases. */
async function runAll(
  run: ClientRun,
  cases: readonly Case[],
  timeFactor: number,
  onResult: (result: CaseResult) => void,
): Promise<Pass> {
  // If the caller gave a port, only one driver can listen on it. So only one copy of the client runs.
  const count = Math.min(run.listen.port === 0 ? run.parallel : 1, cases.length);
  const shares = Array.from({ length: count }, (_, lane) => cases.filter((_one, i) => i % count === lane));
  const passes = await Promise.all(shares.map((share) => runShare(run, share, timeFactor, onResult)));
  return {
    results: new Map(passes.flatMap(({ results }) => [...results])),
    fault: passes.find(({ fault }) => fault !== null)?.fault ?? null,
  };
}

/** Runs the client. If the client ends during a case, this case has failed. The client is started again for the later cases. */
async function runShare(
  run: ClientRun,
  share: readonly Case[],
  timeFactor: number,
  tell: (result: CaseResult) => void,
): Promise<Pass> {
  const results = new Map<string, CaseResult>();
  let fault: string | null = null;
  let left = share;
  for (let starts = 0; left.length > 0 && starts <= MAX_RESTARTS; starts++) {
    // The last result is reported later, when the judge knows whether the client continued after this case.
    let last: CaseResult | null = null;
    const settle = (result: CaseResult): void => {
      results.set(result.id, result);
      tell(result);
    };
    fault = await runOnce(run, left, timeFactor, (result) => {
      if (last !== null) settle(last);
      last = result;
    });
    if (last === null) break;
    settle(fault === null ? last : didNotSurvive(last, fault));
    if (fault === null) break;
    left = left.filter(({ id }) => !results.has(id));
  }
  return { results, fault };
}

function didNotSurvive(result: CaseResult, fault: string): CaseResult {
  const sentence = `The client did not go on after this case: ${fault}.`;
  return { ...result, behavior: 'FAILED', result: sentence, passed: false };
}

/** Runs the client once with these cases. @returns a sentence about a fault of the client process, or null */
async function runOnce(
  { agent, full, listen, commandOf, start }: ClientRun,
  cases: readonly Case[],
  timeFactor: number,
  tell: (result: CaseResult) => void,
): Promise<string | null> {
  const onResult = (result: CaseResult): void => {
    if (result.agent === agent) tell(result);
  };
  const driver = new Driver({ cases, full, timeFactor, commandOf, onResult });
  try {
    const { port, address, family } = await driver.listen(listen);
    const host = family === 'IPv6' ? `[${address}]` : address;
    const url = `ws${listen.tls === undefined ? '' : 's'}://${host}:${port}`;
    const patience = clockOf(timeFactor).limit(IDLE);
    return await watch(driver, patience, (signal) => start(url, agent, signal));
  } finally {
    await driver.close();
  }
}

/**
 * Starts the client and stops it if it is inactive for too long.
 * @param patience the milliseconds for which the client may be inactive
 * @returns a sentence about a fault of the client process, or null
 */
async function watch(
  driver: Driver,
  patience: number,
  start: (signal: AbortSignal) => Promise<void>,
): Promise<string | null> {
  const stop = new AbortController();
  let over = false;
  let fault: string | null = null;
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
    await start(stop.signal);
  } catch (error) {
    fault ??= (error as Error).message;
  }
  over = true;
  await Promise.all([watching, driver.settled()]);
  return fault;
}
