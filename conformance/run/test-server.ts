/**
 * Tests a server. Each case has one connection, and several connections are open at the same time. If a case runs out of time, it is run a
 * second time, alone and with longer limits. The second result is marked.
 */

import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Case, LoopStep, Step } from '../case/model.ts';
import { clockOf } from './clock.ts';
import type { Target } from './opening.ts';
import { MOMENT } from './play.ts';
import { type CaseResult, notRun } from './result.ts';
import { type CaseSettings, runServerCase } from './run-case.ts';

/** The settings for testing a server. */
export interface ServerRun {
  /** Opens a new connection (TCP, TLS or any Duplex), and sends nothing on it. */
  readonly connect: () => Promise<Duplex>;
  readonly target: Target;
  readonly cases: readonly Case[];
  readonly agent: string;
  readonly full: boolean;
  /** The number of connections at the same time. */
  readonly parallel: number;
  readonly timeFactor: number;
  readonly commandOf: (id: string) => string;
  /** Is called with each result. A case that is run a second time is reported only with its second result. */
  readonly onResult?: (result: CaseResult) => void;
  /** Returns true if a baseline already has this result. The case is then not run a second time. */
  readonly isKnown?: (result: CaseResult) => boolean;
  /** If more cases than this ran out of time, no case is run a second time. @default 40, or 250 with `isKnown` */
  readonly mostReruns?: number;
}

/** For the second run of a case, its limits are multiplied by this factor. */
export const RERUN_FACTOR = 3;
/** If more cases than this ran out of time, the reason is the peer, not chance. So no case is run a second time. */
const MAX_RERUNS = 40;
/** The same limit if a baseline is known. Additional failures might then come from a busy machine, so the limit is higher. */
const MAX_DOUBTFUL = 250;

/** The settings that decide which cases are run a second time. */
type Rerunning = Pick<ServerRun, 'cases' | 'onResult' | 'isKnown' | 'mostReruns'>;

/**
 * Returns the cases that are run a second time. A case that ran out of time but is not run again keeps its result. This function reports
 * that result.
 */
export function lateCases(
  { cases, onResult, isKnown, mostReruns = isKnown === undefined ? MAX_RERUNS : MAX_DOUBTFUL }: Rerunning,
  results: ReadonlyMap<string, CaseResult>,
): Case[] {
  const late = cases.filter(({ id }) => {
    const result = results.get(id);
    return result !== undefined && mayBeLate(result);
  });
  const doubtful = late.filter(({ id }) => {
    const result = results.get(id)!;
    return isKnown === undefined ? isLate(result) : !isKnown(result);
  });
  const again = doubtful.length <= mostReruns ? doubtful : [];
  for (const one of late) if (!again.includes(one)) onResult?.(results.get(one.id)!);
  return again;
}

/**
 * Returns true if a case moves many bytes. Such cases would delay each other and the other cases. So they run after the other cases, at
 * most two at a time.
 */
export function isHeavy({ steps }: Case): boolean {
  const size = (step: Step): number => {
    if (step.do === 'frame' || step.do === 'message') return step.payload.length;
    return step.do === 'loop' ? weight(step) : 0;
  };
  return steps.some((step) => size(step) >= 1_000_000);
}

const weight = (loop: LoopStep): number => loop.messages.full * loop.source(0).length;

/**
 * Returns true if a limit that was too short might have caused this result. This is possible if the result is not OK, and a limit ran out.
 */
export function mayBeLate({ passed, behavior, expired }: CaseResult): boolean {
  return !(passed && behavior === 'OK') && expired.length > 0;
}

/** Returns true if more time could change the result. This is possible if a limit ran out before the events were wrong. */
export function isLate(result: CaseResult): boolean {
  return mayBeLate(result) && result.expired.some((one) => one !== MOMENT);
}

/**
 * Tests a server. A case for which no connection can be opened has failed.
 * @returns the results in the order of the cases
 */
export async function testServer(run: ServerRun): Promise<CaseResult[]> {
  const results = new Map<string, CaseResult>();
  const settings = (factor: number): CaseSettings => ({
    agent: run.agent,
    clock: clockOf(factor),
    full: run.full,
    commandOf: run.commandOf,
  });
  const usual = settings(run.timeFactor);
  const connection = new Connector(run);
  const attempt = async (one: Case, how: CaseSettings): Promise<CaseResult> => {
    const socket = await connection.open();
    if (socket !== null) return runServerCase(one, socket, run.target, how);
    const about = { agent: run.agent, peer: 'server', command: run.commandOf(one.id) } as const;
    return notRun(one, `No connection could be made: ${connection.fault}.`, about);
  };
  const perform = async (one: Case): Promise<void> => {
    const first = await attempt(one, usual);
    results.set(one.id, first);
    if (!mayBeLate(first)) run.onResult?.(first);
  };
  const light = run.cases.filter((one) => !isHeavy(one));
  await inParallel(light, run.parallel, perform);
  await inParallel(run.cases.filter(isHeavy), Math.min(run.parallel, 2), perform);

  const patient = settings(run.timeFactor * RERUN_FACTOR);
  const late = lateCases(run, results);
  await inParallel(late, Math.min(run.parallel, 4), async (one) => {
    const second = await attempt(one, patient);
    const result = asRerun(results.get(one.id)!, second);
    results.set(one.id, result);
    run.onResult?.(result);
  });
  return run.cases.map(({ id }) => results.get(id)!);
}

/**
 * Opens connections. A server that ended during a case gets some time to restart. If the server does not restart, the judge tries no
 * further connection.
 */
class Connector {
  fault: string | null = null;
  private readonly run: ServerRun;

  constructor(run: ServerRun) {
    this.run = run;
  }

  async open(): Promise<Duplex | null> {
    const deadline = performance.now() + clockOf(this.run.timeFactor).opening;
    while (this.fault === null) {
      try {
        return await this.run.connect();
      } catch (error) {
        if (performance.now() > deadline) this.fault = (error as Error).message;
        await wait(100);
      }
    }
    return null;
  }
}

/** Marks the second result of a case. */
export function asRerun(first: CaseResult, second: CaseResult): CaseResult {
  const same = first.behavior === second.behavior && first.behaviorClose === second.behaviorClose;
  return { ...second, rerun: true, flaky: !same };
}

async function inParallel<T>(
  list: readonly T[],
  lanes: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < list.length) await work(list[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, list.length) }, lane));
}
