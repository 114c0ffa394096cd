/**
 * The server to which clients under test connect, with the paths of Autobahn's driver. A client asks for the number of cases, and runs each
 * case as an echo on its own connection. Then the client asks the driver to write the reports. The driver accepts TCP connections, or any
 * Duplex.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { Case, Step } from '../case/model.ts';
import { close, failAfter, text } from '../case/steps.ts';
import { listOf, parseHead } from '../wire/head.ts';
import { clockOf } from './clock.ts';
import { commandMode } from './command-mode.ts';
import { Link } from './link.ts';
import { openAsServer } from './opening.ts';
import { Player } from './play.ts';
import type { CaseResult } from './result.ts';
import { runClientCase } from './run-case.ts';
import { statusPage } from './status-page.ts';

/** How clients are tested. */
export interface DriverOptions {
  readonly cases: readonly Case[];
  readonly full: boolean;
  readonly timeFactor: number;
  readonly commandOf: (id: string) => string;
  readonly onResult?: (result: CaseResult) => void;
  /** Is called when a client asks for the reports. */
  readonly onReports?: (agent: string) => Promise<void> | void;
  /** Is called when a client asks the driver to stop. */
  readonly onStop?: () => void;
}

/** The address on which the driver listens. */
export interface DriverAddress {
  readonly port: number;
  readonly host: string;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

interface Call {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Thrown for an invalid request of a client. The driver answers such a request with status 500, as Autobahn does. */
class BadCall extends Error {}

/** Runs cases for the clients that connect. */
export class Driver {
  /** The results by agent and case id. */
  readonly results: Map<string, Map<string, CaseResult>> = new Map();
  private readonly options: DriverOptions;
  private server: Server | null = null;
  private readonly sockets = new Set<Duplex>();
  /** `running` has a Promise for each open connection. `runningCases` has a Promise for each connection that runs a case. */
  private readonly running = new Set<Promise<void>>();
  private readonly runningCases = new Set<Promise<void>>();
  private waiting: (() => void)[] = [];
  /** The time when a connection last began or ended. */
  lastActivity: number = performance.now();

  constructor(options: DriverOptions) {
    this.options = options;
  }

  async listen({ port, host, tls }: DriverAddress): Promise<AddressInfo> {
    const take = (socket: Socket): void => void this.handle(socket);
    const options = { allowHalfOpen: true, noDelay: true };
    this.server =
      tls === undefined ? createServer(options, take) : createTlsServer({ ...options, ...tls }, take);
    this.server.listen(port, host);
    await once(this.server, 'listening');
    return this.server.address() as AddressInfo;
  }

  /** True if a connection is being served. */
  get isBusy(): boolean {
    return this.running.size > 0;
  }

  private activity(): void {
    this.lastActivity = performance.now();
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.running);
  }

  /** Serves one connection until it ends. */
  async handle(socket: Duplex): Promise<void> {
    this.sockets.add(socket);
    const done = this.serve(socket).finally(() => this.sockets.delete(socket));
    this.running.add(done);
    await done.finally(() => {
      this.running.delete(done);
      this.activity();
    });
  }

  private async serve(socket: Duplex): Promise<void> {
    const link = new Link(socket, 'server', clockOf(this.options.timeFactor));
    const request = await link.readHead(link.clock.opening);
    if (request === null) return link.drop(null);
    const head = parseHead(request);
    const [path = '', search = ''] = head.parts[1].split('?', 2);
    const call = { path, query: new URLSearchParams(search) };
    if (!listOf(head, 'Upgrade').includes('websocket'))
      return this.answer(link, 200, statusPage(this.results));
    try {
      await this.route(link, call, request);
    } catch (error) {
      if (!(error instanceof BadCall)) throw error;
      await this.answer(link, 500, error.message);
    }
  }

  private async route(link: Link, call: Call, request: string): Promise<void> {
    switch (call.path) {
      case '/getCaseCount':
        return this.say(link, request, String(this.options.cases.length));
      case '/getCaseInfo': {
        const { id, description } = this.caseOf(call);
        return this.say(link, request, JSON.stringify({ id, description }));
      }
      case '/runCase':
        return this.run(link, request, this.caseOf(call), agentOf(call));
      case '/getCaseStatus': {
        const { id } = this.caseOf(call);
        const { behavior } = await this.resultOf(link, agentOf(call), id);
        return this.say(link, request, JSON.stringify({ behavior }));
      }
      case '/updateReports': {
        await this.settled();
        await this.options.onReports?.(agentOf(call));
        await this.say(link, request, null);
        const stop = call.query.get('shutdownOnComplete');
        if (stop === 'true' || stop === 'yes') this.options.onStop?.();
        return;
      }
      case '/stopServer':
        await this.say(link, request, null);
        return this.options.onStop?.();
      default:
        return commandMode(link, request);
    }
  }

  /** Returns the case that a request names by its position in the list or by its id. */
  private caseOf({ query }: Call): Case {
    const { cases } = this.options;
    const [number, ...numbers] = query.getAll('case');
    const [tuple, ...tuples] = query.getAll('casetuple');
    if (numbers.length + tuples.length > 0 || (number === undefined) === (tuple === undefined)) {
      throw new BadCall('one case is needed: case=NUMBER or casetuple=ID');
    }
    const one = number === undefined ? cases.find(({ id }) => id === tuple) : cases[Number(number) - 1];
    if (one === undefined) throw new BadCall(`there is no case ${number ?? tuple}`);
    return one;
  }

  /** Waits until every case that has begun has its result. A client may notice the end of a case before the judge does. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.runningCases);
  }

  private async run(link: Link, request: string, one: Case, agent: string): Promise<void> {
    const done = this.runToEnd(link, request, one, agent).finally(() => this.runningCases.delete(done));
    this.runningCases.add(done);
    await done;
  }

  private async runToEnd(link: Link, request: string, one: Case, agent: string): Promise<void> {
    link.quirks = one.quirks ?? {};
    const { full, commandOf, onResult } = this.options;
    this.activity();
    const result = await runClientCase(one, link, request, { agent, clock: link.clock, full, commandOf });
    const results = this.results.get(agent) ?? new Map<string, CaseResult>();
    this.results.set(agent, results.set(one.id, result));
    onResult?.(result);
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async resultOf(link: Link, agent: string, id: string): Promise<CaseResult> {
    for (;;) {
      const result = this.results.get(agent)?.get(id);
      if (result !== undefined) return result;
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        link.socket.once('close', () => resolve());
      });
      if (link.gone) throw new BadCall('the request has ended');
    }
  }

  /** Completes the opening handshake, and closes without a code. If `words` is not null, sends `words` as a text message before closing. */
  private async say(link: Link, request: string, words: string | null): Promise<void> {
    const steps: Step[] = [...(words === null ? [] : [text(words)]), close(), failAfter(5)];
    await openAsServer(link, request);
    const one: Case = {
      id: '0',
      description: '',
      expectation: '',
      section: '',
      level: 'MAY',
      steps,
      expect: { close: { by: 'any', codes: 'any', clean: false } },
    };
    await new Player(link, one, false).play();
  }

  private async answer(link: Link, status: 200 | 500, body: string): Promise<void> {
    const type = status === 200 ? 'text/html' : 'text/plain';
    const bytes = Buffer.from(`${body}\n`);
    const head = [
      `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Internal Server Error'}`,
      `Content-Type: ${type}; charset=utf-8`,
      `Content-Length: ${bytes.length}`,
      'Connection: close',
      '',
      '',
    ];
    link.send(Buffer.concat([Buffer.from(head.join('\r\n')), bytes]));
    link.endTcp();
    await link.until(() => link.gone, link.clock.ending);
    link.drop(null);
  }
}

function agentOf({ query }: Call): string {
  const [agent, ...others] = query.getAll('agent');
  if (agent === undefined || agent === '' || others.length > 0)
    throw new BadCall('one agent is needed: agent=NAME');
  return agent;
}
