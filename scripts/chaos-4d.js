/**
 * `npm run chaos:4d -- --minutes 5 --seed S --surface 4d|v1|v2`: performs random operations on the 4D classes or on the commands of the
 * plugins. They use real sockets and a proxy that cuts connections. Servers stop and restart on the same port.
 *
 * The script checks these rules:
 * - On both ends, each Open event has exactly one Close event. No event comes before the Open or after the Close.
 * - Messages arrive in order and without a gap. So only the last messages of a connection can be lost.
 * - If messages are lost, the sender receives a Close, a result or an error that reports the loss.
 * - If an end closes the connection and the other end answers the Close, all earlier messages of the first end have arrived.
 * - No event is dropped, and there is no uncaught exception.
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { CuttingProxy } from './chaos-proxy.js';
import { readArguments, readNumber, refuseArguments } from './command-line.js';

/** @typedef {{ key: string, opened: number, closed: number, sent: number, got: number, lossy: boolean }} End */

/** Returns functions for random choices. The same seed gives the same choices. @param {number} seed */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  /** @param {number} max */
  const below = (max) => Math.floor(next() * max);
  return {
    next,
    below,
    /** @template T @param {readonly T[]} list */ pick: (list) => list[below(list.length)],
  };
}

/** Records the events at both ends of every connection, and collects broken rules. */
export class Ledger {
  /** @type {string[]} */
  faults = [];
  /** @type {Map<string, End>} */
  ends = new Map();
  messages = 0;
  lost = 0;

  /** @param {string} text */
  fault(text) {
    if (this.faults.length < 50) this.faults.push(text);
  }

  /** @param {string} key @returns {End} */
  end(key) {
    let end = this.ends.get(key);
    if (end === undefined) {
      end = { key, opened: 0, closed: 0, sent: 0, got: 0, lossy: false };
      this.ends.set(key, end);
    }
    return end;
  }

  /** @param {string} key */
  opened(key) {
    const end = this.end(key);
    if (++end.opened > 1) this.fault(`${key} opened twice`);
    if (end.closed > 0) this.fault(`${key} opened after its close`);
  }

  /** @param {string} key */
  closed(key) {
    const end = this.end(key);
    if (++end.closed > 1) this.fault(`${key} closed twice`);
  }

  /** Records that an end has received a message. The sender numbers its messages. @param {string} key @param {number} number */
  got(key, number) {
    const end = this.end(key);
    this.messages++;
    if (end.opened === 0) this.fault(`${key} has a message before its open`);
    if (end.closed > 0) this.fault(`${key} has a message after its close`);
    if (number !== end.got) this.fault(`${key} has message ${number} where ${end.got} was next`);
    end.got = number + 1;
  }

  /**
   * Compares the messages that end `from` sent with the messages that end `to` received.
   * @param {string} from @param {string} to @param {boolean} isWhole
   */
  compare(from, to, isWhole) {
    const sender = this.end(from);
    const receiver = this.end(to);
    const missing = sender.sent - receiver.got;
    if (missing < 0) this.fault(`${to} got ${receiver.got} of ${sender.sent} that ${from} sent`);
    if (missing <= 0) return;
    this.lost += missing;
    if (isWhole)
      this.fault(`${to} lacks ${missing} messages that ${from} sent before its own, answered, close`);
    if (sender.closed === 0 && !sender.lossy)
      this.fault(`${from} lost ${missing} messages, and nothing said so`);
  }

  /** @param {(key: string) => boolean} neverOpened returns whether an end may have a Close without an Open */
  finish(neverOpened) {
    for (const { key, opened, closed } of this.ends.values()) {
      if (opened === 1 && closed !== 1) this.fault(`${key} opened, and closed ${closed} times`);
      if (opened === 0 && closed > 0 && !neverOpened(key)) this.fault(`${key} closed without having opened`);
    }
  }
}

/** @param {number} milliseconds */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Returns a port outside the range from which the operating system chooses free ports. */
export const fixedPort = () => randomInt(10_000, 32_000);

/**
 * @typedef {object} Surface
 * @property {readonly (() => unknown)[]} operations each function performs one random operation
 * @property {() => Promise<void>} finish stops all servers and clients, waits for the last event, and compares sent and received messages
 */

/** @type {Record<string, (context: { ledger: Ledger, random: ReturnType<typeof randomOf>, proxy: CuttingProxy }) => Promise<Surface>>} */
const surfaces = {
  '4d': async (context) => (await import('./chaos-surface-4d.js')).fourD(context),
  v2: async (context) => (await import('./chaos-surface-plugin.js')).version2(context),
  v1: async (context) => (await import('./chaos-surface-plugin.js')).version1(context),
};

/** @param {string} name @param {number} seed @param {number} time milliseconds */
export async function runSurface(name, seed, time) {
  const random = randomOf(seed);
  const ledger = new Ledger();
  const proxy = await CuttingProxy.start(random);
  /** @param {unknown} error */
  const onUncaught = (error) =>
    ledger.fault(`uncaught: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  const surface = await /** @type {NonNullable<(typeof surfaces)[string]>} */ (surfaces[name])({
    ledger,
    random,
    proxy,
  });
  const end = performance.now() + time;
  let operations = 0;
  while (performance.now() < end && ledger.faults.length === 0) {
    for (let burst = random.below(8); burst >= 0; burst--) {
      await random.pick(surface.operations)?.();
      operations++;
    }
    await pause(random.below(4));
  }
  await surface.finish();
  await proxy.stop();
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
  return { ledger, operations };
}

async function main() {
  const { values } = readArguments({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      surface: { type: 'string', default: 'all' },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  const minutes = readNumber(values, 'minutes', { min: 0, whole: false });
  const names = values.surface === 'all' ? Object.keys(surfaces) : [values.surface ?? ''];
  const wrong = names.find((name) => !Object.hasOwn(surfaces, name));
  if (wrong !== undefined) refuseArguments(`--surface is ${wrong}, not 4d, v1, v2 or all`);
  console.log(`seed ${seed}`);
  for (const name of names) {
    const { ledger, operations } = await runSurface(name, seed, minutes * 60_000);
    const opened = [...ledger.ends.values()].filter((end) => end.opened > 0).length;
    const counts = `${operations} operations, ${opened} ends opened, ${ledger.messages} messages, ${ledger.lost} lost and reported`;
    console.log(`${ledger.faults.length === 0 ? 'ok' : 'FAILED'}  ${name}: ${counts}`);
    for (const fault of ledger.faults) console.log(`  ${fault}`);
    if (ledger.faults.length > 0) process.exitCode = 1;
  }
}

// `main` is not awaited: it imports modules that import this module. So the evaluation of this module must finish first.
if (process.argv[1] === fileURLToPath(import.meta.url)) void main();
