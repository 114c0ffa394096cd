/**
 * The judge (this test program) as a library. To test a server, the judge uses connections that the caller opens (TCP, TLS or any Duplex).
 * To test a client, the judge uses a client that the caller starts.
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

/** Selects the cases to run, and their limits. */
export interface RunOptions extends Partial<Selection> {
  /** Selects Autobahn's 517 cases, the cases that Autobahn does not have ('beyond'), or all cases. @default 'all' */
  readonly suite?: 'all' | 'autobahn' | 'beyond';
  /**
   * With 'full', each loop of groups 9, 12 and 13 has a thousand messages. With 'quick', each loop has only a few messages. @default
   * 'quick'
   */
  readonly profile?: 'quick' | 'full';
  /**
   * `[k, n]` runs every n-th case, and begins with case number k. The n shards together run all cases.
   * @default all cases
   */
  readonly shard?: readonly [number, number];
  /** The judge multiplies all time limits by this factor. @default 1 */
  readonly timeFactor?: number;
  /**
   * For a server: the number of connections at the same time. For a client: the number of copies of the client at the same time, if the
   * judge may choose the port.
   * @default 8 for a server, 4 for a client
   */
  readonly parallel?: number;
  /** The name of the peer in reports. @default for a server its Server field or 'UnknownServer'; for a client 'UnknownClient' */
  readonly agent?: string;
  /** Returns the command that runs one case again. Reports show this command. */
  readonly commandOf?: (id: string) => string;
  readonly onResult?: (result: CaseResult) => void;
  /**
   * Returns true if a baseline already has this result. If a case ran out of time and its result is known, the case is not run a second
   * time.
   * @default no result is known
   */
  readonly isKnown?: (result: CaseResult) => boolean;
}

/** A server, given by its URL or by a function that connects to it. */
export interface ServerRunOptions extends RunOptions, UrlOptions {
  readonly url?: string;
  /**
   * Opens a new connection, which the judge uses instead of a connection to the URL. The caller must not send anything on this connection.
   */
  readonly connect?: () => Duplex | Promise<Duplex>;
}

/** A client that can be started. */
export interface ClientRunOptions extends RunOptions {
  /** The address on which the judge listens. @default a free port of 127.0.0.1 */
  readonly listen?: DriverAddress;
  /**
   * Starts the client and resolves when it has ended. The client requests /getCaseCount, then /runCase for each case, and then
   * /updateReports.
   */
  readonly start: (url: string, agent: string, signal: AbortSignal) => Promise<void>;
}

/** Returns the cases for this kind of peer that the options select. */
export function casesFor(peer: Role, options: RunOptions = {}): Case[] {
  const { suite = 'all', cases = [], exclude = [], shard: [part, parts] = [1, 1] } = options;
  const inSuite = allCases.filter(({ id }) => suite === 'all' || isAutobahn(id) === (suite === 'autobahn'));
  return select(inSuite, peer, { cases, exclude }).filter((_one, i) => i % parts === part - 1);
}

/**
 * Tests a server.
 * @returns one result for each case, in order
 * @throws {Error} if the server cannot be reached at the start
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
 * @returns one result for each case, in order
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
