/**
 * The endurance profile tests a server for some minutes. Some connections run one case each, and other connections stay open and echo
 * messages of every size. Each kind of fault is listed once, with the number of its occurrences.
 */

import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Case, DeflateSpec } from '../case/model.ts';
import { Random } from '../corpus/random.ts';
import { clockOf } from './clock.ts';
import { Link } from './link.ts';
import { memoryOf } from './memory.ts';
import { openAsClient, type Target } from './opening.ts';
import { runServerCase } from './run-case.ts';
import { isHeavy } from './test-server.ts';

/** The settings of a run. */
export interface EnduranceRun {
  readonly connect: () => Promise<Duplex>;
  readonly target: Target;
  readonly cases: readonly Case[];
  readonly seconds: number;
  /** The number of connections at the same time. A quarter of them stays open. */
  readonly parallel: number;
  readonly timeFactor: number;
  /** The id of the server's process, or null if its memory is not measured. */
  readonly pid: number | null;
  /** Is called once a minute with a line about the progress. */
  readonly onMinute: (line: string) => void;
}

/** The memory of a process during the run, in bytes. */
export interface MemoryOutcome {
  /** The resident memory after the warm-up, which is the first tenth of the run. `end` is the resident memory at the end of the run. */
  readonly start: number;
  readonly end: number;
  /** The largest value that was measured. */
  readonly largest: number;
  /** The growth after the warm-up. */
  readonly grown: number;
  /** The growth in bytes per minute after the warm-up: the slope of the straight line that fits the samples best. */
  readonly perMinute: number;
  readonly samples: number;
}

/** The result of a run. */
export interface EnduranceOutcome {
  readonly seconds: number;
  readonly connections: number;
  readonly cases: number;
  /** The number of echoes on the connections that stay open. */
  readonly messages: number;
  readonly bytes: number;
  /** Each kind of fault with the number of its occurrences. The most frequent fault comes first. */
  readonly faults: readonly { readonly what: string; readonly times: number }[];
  /** null if no process was given, or if its memory could not be measured. */
  readonly memory: MemoryOutcome | null;
}

const deflate: DeflateSpec = { offer: 'permessage-deflate', wishes: [] };
/** The size of the largest message on a connection that stays open. */
const LARGEST = 131_072;

class Endurance {
  private readonly run: EnduranceRun;
  private readonly deadline: number;
  private readonly faults = new Map<string, number>();
  private readonly samples: { readonly at: number; readonly bytes: number }[] = [];
  private connections = 0;
  private played = 0;
  private messages = 0;
  private bytes = 0;
  private readonly start = performance.now();

  constructor(run: EnduranceRun) {
    this.run = run;
    this.deadline = this.start + run.seconds * 1000;
  }

  private get isOver(): boolean {
    return performance.now() >= this.deadline;
  }

  private fault(what: string): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + 1);
  }

  private async open(): Promise<Duplex | null> {
    try {
      const socket = await this.run.connect();
      this.connections += 1;
      return socket;
    } catch (error) {
      this.fault(`no connection could be made: ${(error as Error).message}`);
      await wait(Math.min(1000, Math.max(0, this.deadline - performance.now())));
      return null;
    }
  }

  /** Plays randomly chosen cases until the time is over. Each call has a different seed, and so a different order of cases. */
  private async playCases(seed: number): Promise<void> {
    const random = new Random(seed);
    const { cases, target, timeFactor } = this.run;
    const settings = { agent: '', clock: clockOf(timeFactor), full: false, commandOf: () => '' };
    while (!this.isOver) {
      const one = random.pick(cases);
      const socket = await this.open();
      if (socket === null) continue;
      const { passed, result, resultClose } = await runServerCase(one, socket, target, settings);
      this.played += 1;
      if (!passed)
        this.fault(`${one.id}: ${result === 'Everything was as expected.' ? resultClose : result}`);
    }
  }

  /** Keeps one connection open, on which the server has to echo messages. If the connection ends, a new one is opened. */
  private async stay(seed: number): Promise<void> {
    const random = new Random(seed);
    while (!this.isOver) {
      const socket = await this.open();
      if (socket === null) continue;
      const link = new Link(socket, 'client', clockOf(this.run.timeFactor));
      const { opened, fault } = await openAsClient(link, this.run.target, {}, deflate);
      if (opened) while (!this.isOver && !link.isOver) await this.exchange(link, random);
      else this.fault(`a connection did not open: ${fault}`);
      if (link.violation !== null) this.fault(`the peer broke a rule: ${link.violation}`);
      else if (opened && !this.isOver) this.fault('a connection that stays was ended by the peer');
      link.close(1000);
      await link.until(() => link.gone, link.clock.closing);
      link.drop(null);
    }
  }

  /** Sends a ping or a message, and waits for its answer. */
  private async exchange(link: Link, random: Random): Promise<void> {
    link.events.length = 0;
    const isPing = random.below(16) === 0;
    const size = isPing ? random.below(126) : Math.floor(LARGEST * (random.below(1000) / 1000) ** 6);
    const payload = Buffer.alloc(size);
    // Half of the payload can be compressed.
    for (let at = 0; at < size; at += 2) payload[at] = random.below(256);
    const compress = !isPing && link.deflate !== null && random.below(2) === 0;
    const bytes = compress ? link.deflate!.compress(payload) : payload;
    const spec = {
      opcode: isPing ? 9 : 2,
      payload: bytes,
      fin: true,
      rsv: compress ? 4 : 0,
      key: link.dueKey(),
    };
    link.send(link.encode(spec));
    await link.until(() => link.events.length > 0 || link.isOver, link.clock.limit(20));
    const [event] = link.events;
    if (link.isOver) return;
    if (event === undefined) {
      this.fault(`${isPing ? 'a pong' : 'an echo'} did not come in time`);
      link.close(1001);
      return;
    }
    const came = event.type === 'timeout' ? null : event.payload;
    if (!Buffer.isBuffer(came) || !came.equals(payload)) this.fault('an echo holds something else');
    this.messages += 1;
    this.bytes += size;
  }

  private async watch(): Promise<void> {
    const { seconds, pid, onMinute } = this.run;
    const interval = Math.min(1000, (seconds * 1000) / 40);
    let minute = 1;
    while (!this.isOver) {
      await wait(Math.min(interval, Math.max(0, this.deadline - performance.now())));
      const at = performance.now() - this.start;
      const bytes = pid === null ? null : memoryOf(pid);
      if (bytes !== null) this.samples.push({ at, bytes });
      if (at < minute * 60_000) continue;
      const memory = bytes === null ? '' : `, ${(bytes / 1_048_576).toFixed(1)} MiB`;
      const faults = [...this.faults.values()].reduce((sum, times) => sum + times, 0);
      onMinute(`${minute} min: ${this.played} cases, ${this.messages} messages, ${faults} faults${memory}`);
      minute += 1;
    }
  }

  async play(): Promise<EnduranceOutcome> {
    const { parallel, seconds } = this.run;
    const staying = Math.max(1, Math.floor(parallel / 4));
    const playing = Math.max(1, parallel - staying);
    const lanes = (count: number, work: (seed: number) => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, (_, i) => work(i + 1));
    await Promise.all([
      this.watch(),
      ...lanes(staying, (seed) => this.stay(seed)),
      ...lanes(playing, (seed) => this.playCases(seed)),
    ]);
    const faults = [...this.faults].sort(([, a], [, b]) => b - a).map(([what, times]) => ({ what, times }));
    return {
      ...{ seconds, connections: this.connections, cases: this.played, messages: this.messages },
      ...{ bytes: this.bytes, faults, memory: memoryOutcome(this.samples, seconds * 100) },
    };
  }
}

/** Computes the growth of memory from samples. @param warmUp samples of these first milliseconds are ignored */
export function memoryOutcome(
  samples: readonly { readonly at: number; readonly bytes: number }[],
  warmUp: number,
): MemoryOutcome | null {
  const counted = samples.filter(({ at }) => at >= warmUp);
  const [first, last] = [counted[0], counted.at(-1)];
  if (first === undefined || last === undefined) return null;
  const mean = (of: (one: (typeof counted)[number]) => number): number =>
    counted.reduce((sum, one) => sum + of(one), 0) / counted.length;
  const [time, size] = [mean(({ at }) => at), mean(({ bytes }) => bytes)];
  const spread = counted.reduce((sum, { at }) => sum + (at - time) ** 2, 0);
  const slope = counted.reduce((sum, { at, bytes }) => sum + (at - time) * (bytes - size), 0);
  return {
    start: first.bytes,
    end: last.bytes,
    largest: Math.max(...counted.map(({ bytes }) => bytes)),
    grown: last.bytes - first.bytes,
    perMinute: spread === 0 ? 0 : Math.round((slope / spread) * 60_000),
    samples: counted.length,
  };
}

/** Runs the endurance profile. Cases with large messages are left out, because their messages would take most of the time. */
export function endure(run: EnduranceRun): Promise<EnduranceOutcome> {
  return new Endurance({
    ...run,
    cases: run.cases.filter((one) => !isHeavy(one) && one.informational !== true),
  }).play();
}
