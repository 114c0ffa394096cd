/** Installs the npm packages of the clients of Redis and NATS in a separate project, and starts the processes that use these packages. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The npm packages of the clients of Redis and NATS. */
export const packages = [
  'redis@6.3.1',
  'ioredis@6.0.0',
  '@nats-io/transport-node@3.4.0',
  '@nats-io/jetstream@3.4.0',
];

/** The counts that a process of peer.js reports. */
export interface PeerReport {
  /** The number of received messages. A message to two subscribers counts twice. */
  readonly received: number;
  readonly gaps: number;
  readonly missed: number;
  readonly rejected: number;
  readonly published: number;
  /** The messages that did not arrive, as 'publisher topic number'. Each message is listed once. */
  readonly lost: readonly string[];
  /** The messages of this process that the bus refused, as 'publisher topic number'. */
  readonly refused: readonly string[];
  readonly faults: readonly string[];
}

/** The counts that a process of rooms-peer.js reports. */
export interface RoomsReport {
  /** The number of messages that the clients of the process received. */
  readonly received: number;
  readonly gaps: number;
  readonly missed: number;
  readonly unpublished: number;
  /** The number of messages that the clients of the process have sent, by topic. */
  readonly sent: readonly number[];
  readonly faults: readonly string[];
}

/** The counts that a process of presence-peer.js reports. */
export interface PresenceReport {
  readonly joins: number;
  readonly leaves: number;
  readonly errors: number;
  /** The infos of the members of this process, by topic. */
  readonly own: Readonly<Record<string, readonly string[]>>;
  readonly faults: readonly string[];
}

/** The counts that a process of history-peer.js reports. */
export interface HistoryReport {
  readonly index: number;
  /** The port of the server of the process. */
  readonly port: number;
  /** The number of messages that the clients of the process received. */
  readonly received: number;
  readonly gaps: number;
  /** The number of times that a client has moved to another server with its offsets. */
  readonly moves: number;
  readonly unpublished: number;
  /** The messages that a client did not receive, as 'publisher topic number'. Each message is listed once. */
  readonly lost: readonly string[];
  /** The number of messages that the process has published, by topic. */
  readonly sent: readonly number[];
  readonly faults: readonly string[];
}

/** A process that runs peer.js or another script. */
export class Peer {
  readonly #process: ChildProcess;
  /** The answers that have arrived, but that `answer` has not returned yet. */
  readonly #answers: unknown[] = [];
  #wake: (() => void)[] = [];
  #hasEnded = false;

  constructor(
    folder: string,
    kind: string,
    port: number,
    options: object,
    index: number,
    script = 'peer.js',
  ) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#process = fork(path, [folder, kind, String(port), JSON.stringify(options), String(index)]);
    this.#process.on('message', (answer) => {
      this.#answers.push(answer);
      this.#wakeAll();
    });
    this.#process.on('exit', () => {
      this.#hasEnded = true;
      this.#wakeAll();
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Waits for the first answer for which `isMeant` returns true. */
  async answer<Answer>(isMeant: (answer: unknown) => boolean): Promise<Answer> {
    for (;;) {
      const at = this.#answers.findIndex(isMeant);
      if (at !== -1) return this.#answers.splice(at, 1)[0] as Answer;
      if (this.#hasEnded) throw new Error('a process ended');
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  ready(): Promise<string> {
    return this.answer((answer) => answer === 'ready');
  }

  half(): Promise<string> {
    return this.answer((answer) => answer === 'half');
  }

  async command(name: string, ...args: readonly unknown[]): Promise<void> {
    const done = this.answer((answer) => answer === name);
    this.#process.send([name, ...args]);
    await done;
  }

  /** Waits until the process has received the last messages of `others` other processes. Returns the counts of the process. */
  report(others: number): Promise<PeerReport> {
    const report = this.answer<PeerReport>((answer) => typeof answer === 'object');
    this.#process.send(['report', others]);
    return report;
  }

  /** Returns the current counts. */
  async counted<Report = RoomsReport>(): Promise<Report> {
    const report = this.answer<Report>((answer) => typeof answer === 'object');
    this.#process.send(['report']);
    return report;
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}
