/**
 * Tests a server: a connection per case, several at a time. Cases that ran out of time are run once more, alone and with
 * longer limits, and marked.
 */

import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Case, LoopStep, Step } from '../case/model.ts';
import { clockOf } from './clock.ts';
import type { Target } from './opening.ts';
import { MOMENT } from './play.ts';
import { type CaseResult, notRun } from './result.ts';
import { type CaseSettings, runServerCase } from './run-case.ts';

/** How a server is tested. */
export interface ServerRun {
  /** Opens a connection on which nothing was sent yet: TCP, TLS, or any Duplex. */
  readonly connect: () => Promise<Duplex>;
  readonly target: Target;
  readonly cases: readonly Case[];
  readonly agent: string;
  readonly full: boolean;
  /** Connections at a time. */
  readonly parallel: number;
  readonly timeFactor: number;
  readonly commandOf: (id: string) => string;
  /** Told of each result as it comes; of a case that is run again, the second one only. */
  readonly onResult?: (result: CaseResult) => void;
  /** Whether a result is one that was known before: then it is not waited for a second time. */
  readonly isKnown?: (result: CaseResult) => boolean;
  /** None is run again where more have run out of time. @default 40, or 250 with `isKnown` */
  readonly mostReruns?: number;
}

/** What limits of a case that ran out of them are multiplied with. */
export const RERUN_FACTOR = 3;
/** A peer that lets more cases than this run out of time does not do so by chance: none is run again. */
const MAX_RERUNS = 40;
/** The same where it is known what the peer fails: that it fails more may be the machine's fault. */
const MAX_DOUBTFUL = 250;

/** What decides on a second run. */
type Rerunning = Pick<ServerRun, 'cases' | 'onResult' | 'isKnown' | 'mostReruns'>;

/** Which cases are worth a second run. Those that are late and are not worth one are reported here, since they stay. */
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

/** Whether a case moves much: such cases would take each other's time, and the light ones'. */
export function isHeavy({ steps }: Case): boolean {
  const size = (step: Step): number => {
    if (step.do === 'frame' || step.do === 'message') return step.payload.length;
    return step.do === 'loop' ? weight(step) : 0;
  };
  return steps.some((step) => size(step) >= 1_000_000);
}

const weight = (loop: LoopStep): number => loop.messages.full * loop.source(0).length;

/** Whether a result may be the clock's fault: it is not simply fine, and some limit ran out. */
export function mayBeLate({ passed, behavior, expired }: CaseResult): boolean {
  return !(passed && behavior === 'OK') && expired.length > 0;
}

/** The same without doubt: it was not the events that were wrong already. */
export function isLate(result: CaseResult): boolean {
  return mayBeLate(result) && result.expired.some((one) => one !== MOMENT);
}

/**
 * Runs the cases; those that no connection can be made for have failed.
 * @returns results in the order of the cases
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

/** Connections to a server that may need a moment to come back; where it does not, none is tried any more. */
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

/** The second result of a case, marked as such. */
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
