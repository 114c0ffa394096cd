/**
 * The judge as a library: tests a server over connections that you make (TCP, TLS, any Duplex), or a client that you
 * start.
 */

import type { Duplex } from 'node:stream';
import type { Case, Role } from './case/model.ts';
import { type Selection, select } from './case/select.ts';
import { allCases, isAutobahn } from './cases.ts';
import { agentOf, serverOf, type UrlOptions } from './run/connect.ts';
import type { DriverAddress } from './run/driver.ts';
import type { CaseResult } from './run/result.ts';
import { testClient } from './run/test-client.ts';
import { testServer } from './run/test-server.ts';

/** What to run, and how patiently. */
export interface RunOptions extends Partial<Selection> {
  /** Autobahn's 517 cases, those beyond, or all. @default 'all' */
  readonly suite?: 'all' | 'autobahn' | 'beyond';
  /** Few messages in groups 9, 12 and 13, or a thousand each. @default 'quick' */
  readonly profile?: 'quick' | 'full';
  /** Every n-th case, from the k-th on: `[k, n]`, k from 1; the n shards together are all cases. @default all */
  readonly shard?: readonly [number, number];
  /** All limits are multiplied with it. @default 1 */
  readonly timeFactor?: number;
  /** Connections to a server at a time, and how often a client runs at once where its port is free. @default 8 and 4 */
  readonly parallel?: number;
  /** The name in reports. @default the server's Server field, or 'UnknownServer'; 'UnknownClient' */
  readonly agent?: string;
  /** The command that runs one case again, for reports. */
  readonly commandOf?: (id: string) => string;
  readonly onResult?: (result: CaseResult) => void;
  /**
   * Whether a result is one that was known before, by a baseline: a case that ran out of time and came out like that is
   * not run a second time. @default none is
   */
  readonly isKnown?: (result: CaseResult) => boolean;
}

/** A server by its URL, or by what connects to it. */
export interface ServerRunOptions extends RunOptions, UrlOptions {
  readonly url?: string;
  /** Opens a connection on which nothing was sent yet, in place of the URL's. */
  readonly connect?: () => Duplex | Promise<Duplex>;
}

/** A client that can be started. */
export interface ClientRunOptions extends RunOptions {
  /** Where to listen. @default a free port of 127.0.0.1 */
  readonly listen?: DriverAddress;
  /** Runs the client's loop: /getCaseCount, /runCase, /updateReports. */
  readonly start: (url: string, agent: string, signal: AbortSignal) => Promise<void>;
}

/** The cases for such a peer that the options ask for. */
export function casesFor(peer: Role, options: RunOptions = {}): Case[] {
  const { suite = 'all', cases = [], exclude = [], shard: [part, parts] = [1, 1] } = options;
  const inSuite = allCases.filter(({ id }) => suite === 'all' || isAutobahn(id) === (suite === 'autobahn'));
  return select(inSuite, peer, { cases, exclude }).filter((_one, i) => i % parts === part - 1);
}

/**
 * Tests a server.
 * @returns a result per case, in order
 * @throws {Error} where it is not there at the start
 */
export async function runServerCases(options: ServerRunOptions): Promise<CaseResult[]> {
  const server = serverOf(options.url ?? 'ws://localhost:80/', options);
  const { connect = server.connect } = options;
  const { timeFactor = 1, profile = 'quick', parallel = 8 } = options;
  const reach = { ...server, connect: async () => connect() };
  const agent = options.agent ?? (await agentOf(reach, timeFactor));
  return testServer({
    ...reach,
    cases: casesFor('server', options),
    agent,
    full: profile === 'full',
    parallel,
    timeFactor,
    commandOf: options.commandOf ?? (() => ''),
    ...(options.onResult && { onResult: options.onResult }),
    ...(options.isKnown && { isKnown: options.isKnown }),
  });
}

/**
 * Tests a client.
 * @returns a result per case, in order
 */
export async function runClientCases(options: ClientRunOptions): Promise<CaseResult[]> {
  return testClient({
    cases: casesFor('client', options),
    agent: options.agent ?? 'UnknownClient',
    full: options.profile === 'full',
    timeFactor: options.timeFactor ?? 1,
    parallel: options.parallel ?? 4,
    listen: options.listen ?? { port: 0, host: '127.0.0.1' },
    start: options.start,
    commandOf: options.commandOf ?? (() => ''),
    ...(options.onResult && { onResult: options.onResult }),
    ...(options.isKnown && { isKnown: options.isKnown }),
  });
}
