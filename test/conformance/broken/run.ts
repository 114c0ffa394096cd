/** Runs the judge's cases against a peer in this process, over TCP. `tryServer` and `tryClient` return the results of the cases. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Case, Role, Step } from '../../../conformance/case/model.ts';
import { matches, type Selection, select } from '../../../conformance/case/select.ts';
import { allCases } from '../../../conformance/cases.ts';
import { clockOf } from '../../../conformance/run/clock.ts';
import { Link } from '../../../conformance/run/link.ts';
import type { CaseResult } from '../../../conformance/run/result.ts';
import { runClientCase } from '../../../conformance/run/run-case.ts';
import { asRerun, isLate, RERUN_FACTOR, testServer } from '../../../conformance/run/test-server.ts';
import type { Fault } from './faults.ts';
import { BrokenPeer } from './peer.ts';
import { correct, type Rules } from './rules.ts';

/**
 * The time limits of cases are multiplied by this factor, because peers in the same process answer quickly. A case that times out is run
 * again with limits that are RERUN_FACTOR times as long.
 */
const TIME_FACTOR = 0.15;

/** The ids of the cases that are not OK, in order. */
export interface Faulted {
  readonly failed: readonly string[];
  /** The cases that got the verdict NON-STRICT. */
  readonly tolerated: readonly string[];
}

/**
 * Returns the same case with shorter limits and fewer round trips. These limits are sufficient, because peers in the same process answer
 * quickly.
 */
export function hurried(one: Case): Case {
  const steps = one.steps.map((step): Step => {
    if (step.do === 'limit' || step.do === 'await') return { ...step, seconds: Math.min(step.seconds, 3) };
    if (step.do !== 'loop') return step;
    const messages = { ...step.messages, quick: Math.min(step.messages.quick, 5) };
    return { ...step, messages, seconds: Math.min(step.seconds, 5) };
  });
  return { ...one, steps };
}

/** Returns the outcome of a case. */
export function faultedOf(results: readonly CaseResult[]): Faulted {
  const ids = (wanted: (result: CaseResult) => boolean): string[] =>
    results.filter(wanted).map(({ id }) => id);
  return {
    failed: ids(({ passed }) => !passed),
    tolerated: ids(({ passed, behavior }) => passed && behavior === 'NON-STRICT'),
  };
}

/**
 * The cases of the self-test. If many cases are similar, only some of them are included. Cases that move megabytes or wait for seconds are
 * omitted.
 */
const wanted: Selection = {
  cases: [
    ...['1', '2', '3', '4', '5', '6', '7', '10', '20', '21', '22', '23', '24', '25', '26', '28'],
    ...['9.1.1', '9.7.2', '9.8.2', '12.1.3', '12.1.11', '12.2.5'],
    ...['13.1.3', '13.2.3', '13.3.7', '13.3.11', '13.5.3', '13.7.3'],
  ],
  exclude: [
    // These cases are omitted: one with a 103 before the 101, which these peers do not support, and three with a head of megabytes.
    ...['21.2.16', '21.3.42', '21.3.43', '21.3.44'],
    // In these cases, it depends on chance whether data arrives before a reset.
    ...['28.4.7', '28.4.8'],
  ],
};

/** Returns the cases of the self-test. @param only if it is not empty, only the cases with these ids are returned */
export function selfTestCases(role: Role, only: readonly string[] = []): Case[] {
  const selection = only.length === 0 ? wanted : { cases: only, exclude: wanted.exclude };
  return select(allCases, role, selection).map(hurried);
}

/**
 * Runs the cases against a peer with the fault, and returns the actual and the expected outcome.
 * @param only the ids of the cases to run
 */
export async function outcomes(
  fault: Fault,
  only: readonly string[] = fault.cases ?? [],
): Promise<{ readonly actual: Faulted; readonly expected: Faulted }> {
  const { role = 'server', fails, tolerated = [] } = fault;
  const cases = selfTestCases(role, only);
  const named = (patterns: readonly string[]): string[] =>
    cases.map(({ id }) => id).filter((id) => patterns.some((pattern) => matches(id, pattern)));
  const expected = { failed: named(fails), tolerated: named(tolerated) };
  const rules = { ...correct, ...fault.breaks };
  const isKnown = ({ id, passed }: CaseResult): boolean =>
    fault.isSilent === true && (passed ? expected.tolerated : expected.failed).includes(id);
  const isExpected = (result: CaseResult): boolean => {
    const { failed, tolerated } = faultedOf([result]);
    return (
      expected.failed.includes(result.id) === failed.length > 0 &&
      expected.tolerated.includes(result.id) === tolerated.length > 0
    );
  };
  const lanes = fault.isOverConnections === true ? 1 : PARALLEL;
  const results = await tryPeer(role, rules, cases, isExpected, { isKnown, lanes });
  return { actual: faultedOf(results), expected };
}

/** The number of connections that are open at the same time. */
const PARALLEL = 64;
/**
 * A busy machine may have delayed the peer. Therefore a case with an unexpected outcome is run once more, with limits multiplied by this
 * factor.
 */
const PATIENT_FACTOR = 4;

/** Options of a test of a peer. */
interface Trying {
  readonly isKnown?: (result: CaseResult) => boolean;
  readonly lanes?: number;
  readonly factor?: number;
}

/** Runs the cases against a peer with these rules. A case with an unexpected outcome is run a second time. */
export async function tryPeer(
  role: Role,
  rules: Rules,
  cases: readonly Case[],
  isExpected: (result: CaseResult) => boolean,
  how: Trying = {},
): Promise<CaseResult[]> {
  const run = role === 'server' ? tryServer : tryClient;
  const results = await run(rules, cases, how);
  const doubtful = new Set(results.filter((one) => !isExpected(one)).map(({ id }) => id));
  if (doubtful.size === 0) return results;
  const some = cases.filter(({ id }) => doubtful.has(id));
  const again = await run(rules, some, { lanes: Math.min(8, how.lanes ?? 8), factor: PATIENT_FACTOR });
  return results.map((one) => again.find(({ id }) => id === one.id) ?? one);
}

/** Runs the cases against a server with these rules. */
export async function tryServer(
  rules: Rules,
  cases: readonly Case[],
  { isKnown = () => false, lanes = PARALLEL, factor = TIME_FACTOR }: Trying = {},
): Promise<CaseResult[]> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    new BrokenPeer(socket, 'server', rules);
  });
  const port = await listening(server);
  try {
    return await testServer({
      connect: () => dialled(port),
      target: { host: `127.0.0.1:${port}`, target: '/', fields: [] },
      cases,
      agent: 'broken',
      full: false,
      parallel: lanes,
      timeFactor: factor,
      commandOf: (id) => id,
      isKnown: (result) => !isLate(result) || isKnown(result),
      mostReruns: Number.POSITIVE_INFINITY,
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Runs the cases against a client with these rules. Each case has a separate connection. */
export async function tryClient(
  rules: Rules,
  cases: readonly Case[],
  { lanes = PARALLEL, factor = TIME_FACTOR }: Trying = {},
): Promise<CaseResult[]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const port = await listening(server);
  const accepted = new Map<number, Socket>();
  server.on('connection', (socket) => accepted.set(socket.remotePort!, socket));
  const perform = async (one: Case, patience: number): Promise<CaseResult> => {
    const own = await dialled(port);
    // Both ends are in this process, and either end may be the first that notices the connection.
    while (!accepted.has(own.localPort!)) await turn();
    const peer = accepted.get(own.localPort!)!;
    accepted.delete(own.localPort!);
    const clock = clockOf(patience);
    const link = new Link(peer, 'server', clock, one.quirks);
    new BrokenPeer(own, 'client', rules);
    try {
      const request = await link.readHead(clock.opening);
      const settings = { agent: 'broken', clock, full: false, commandOf: (id: string) => id };
      return await runClientCase(one, link, request ?? '', settings);
    } finally {
      own.destroy();
      peer.destroy();
    }
  };
  const results: CaseResult[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < cases.length) {
      const index = next++;
      const one = cases[index]!;
      const first = await perform(one, factor);
      results[index] = isLate(first) ? asRerun(first, await perform(one, factor * RERUN_FACTOR)) : first;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(lanes, cases.length) }, lane));
  } finally {
    server.close();
  }
  return results;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1', 1024);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function dialled(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  return socket;
}
