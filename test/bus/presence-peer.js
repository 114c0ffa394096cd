/**
 * One process of the scenario with presence. It runs a server with `Topics` over a bus, and clients. Their connections subscribe to topics
 * and leave topics at random. The process watches all topics, and checks that no member joins twice or leaves twice in a row. The test
 * sends commands over the channel of child_process.fork, and receives the answers over the same channel.
 */
import { load, makeBus } from './make-bus.js';

const [folder = '', kind = '', port = '', options = '{}', own = ''] = process.argv.slice(2);
const { lease, ...busOptions } = JSON.parse(options);
const index = Number(own);
const clientCount = 50;
const topicNames = Array.from({ length: 5 }, (_, at) => `room/${at}`);

const { connect, WebSocketServer } = await load(folder, 'index.js');
const { Topics } = await load(folder, 'topics.js');

const report = { joins: 0, leaves: 0, errors: 0, faults: /** @type {string[]} */ ([]), own: {} };

/** @param {string} text */
function fault(text) {
  if (report.faults.length < 20) report.faults.push(text);
}

/** The connections of the server. @type {any[]} */
const seats = [];
const topics = new Topics({
  bus: await makeBus(folder, kind, port, JSON.stringify(busOptions)),
  presence: { lease, member: (/** @type {any} */ seat) => `${index} ${seats.indexOf(seat)}` },
  maxSubscribeRate: Number.POSITIVE_INFINITY,
  // Errors are expected, because the test makes the engine fail.
  handlers: { error: () => void report.errors++ },
});
const server = new WebSocketServer({
  message() {},
  open: (/** @type {any} */ connection) => void seats.push(connection),
});
const address = await server.listen({ host: '127.0.0.1' });
for (let at = 0; at < clientCount; at++) await connect(`ws://127.0.0.1:${address.port}/`);

const watched = new Map(
  topicNames.map((name) => {
    const present = new Set();
    const presence = topics.presence(name, {
      join(/** @type {{ id: string }} */ { id }) {
        report.joins++;
        if (present.has(id)) fault(`${id} has joined ${name} twice`);
        present.add(id);
      },
      leave(/** @type {{ id: string }} */ { id }) {
        report.leaves++;
        if (!present.delete(id)) fault(`${id} has left ${name}, and was not there`);
      },
    });
    return [name, presence];
  }),
);
await topics.ready();
await Promise.all([...watched.values()].map((presence) => presence.ready()));

// Generates the same random numbers in every run of the test.
let state = index + 1;
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

/** @param {number} count the number of joins and leaves */
async function churn(count) {
  for (let done = 0; done < count; done++) {
    const seat = seats[Math.floor(random() * seats.length)];
    const name = topicNames[Math.floor(random() * topicNames.length)];
    if (topics.topicsOf(seat).includes(name)) topics.unsubscribe(seat, name);
    else topics.subscribe(seat, name);
    if (done === Math.floor(count / 2)) process.send?.('half');
    if (done % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Returns the infos of the members of this process, by topic. */
function ownMembers() {
  return Object.fromEntries(
    topicNames.map((name) => [
      name,
      seats.flatMap((seat, at) => (topics.topicsOf(seat).includes(name) ? [`${index} ${at}`] : [])),
    ]),
  );
}

/** Returns true if every topic has exactly these members. @param {Record<string, string[]>} truth sorted infos by topic */
function agrees(truth) {
  return topicNames.every((name) => {
    const infos = watched.get(name)?.members.map((/** @type {any} */ { info }) => info) ?? [];
    return infos.sort().join() === truth[name]?.join();
  });
}

/** @param {() => boolean} condition */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

process.on('message', async (/** @type {[string, any]} */ [command, value]) => {
  if (command === 'churn') await churn(value);
  if (command === 'agree') await until(() => agrees(value));
  if (command === 'end') await topics.close();
  process.send?.(command === 'report' ? { ...report, own: ownMembers() } : command);
});
process.send?.('ready');
