/** The random operations of scripts/chaos-4d.js for the commands of both versions of the plugins. */
import { V1Surface } from '../dist/api/plugin/v1.js';
import { V2Surface } from '../dist/api/plugin/v2.js';
import { fixedPort, pause } from './chaos-4d.js';

const CLIENTS = 12;

/** @typedef {import('./chaos-surface-4d.js').Context} Context */

/**
 * The operations for one version of the plugin. This interface is the same for both versions.
 * @typedef {object} Commands
 * @property {(port: number) => Promise<boolean>} serve creates and starts the server
 * @property {(how: number) => Promise<unknown>} die stops or clears the server
 * @property {(client: number, text: string) => boolean} sendToClient sends to one connection of the server
 * @property {(url: string) => number} create a client
 * @property {(id: number) => Promise<{ success: boolean }>} start
 * @property {(id: number) => Promise<unknown>} stop
 * @property {(id: number, text: string) => boolean} send
 * @property {() => Promise<unknown>} clearAll
 * @property {() => number} dropped
 * @property {() => Promise<void>} idle
 */

/**
 * @typedef {(isServer: boolean, id: number, connection: number, type: string, data: any) => unknown} OnEvent
 */

/** @param {Context} context */
export function version2(context) {
  return chaos(context, (onEvent) => {
    const surface = new V2Surface();
    const types = ['message', 'open', 'close', 'error'];
    surface.setMethod((type, id, event) => {
      const { client = 0, str, code, ...rest } = /** @type {any} */ (event);
      return onEvent(id < 0, id, client, types[type] ?? '', { text: str, code, ...rest });
    });
    let server = 0;
    return {
      async serve(port) {
        server = /** @type {any} */ (surface.server({ port })).id;
        return (await surface.serverStart({ id: server })).success;
      },
      die: async (how) => {
        if (how === 0) await surface.serverStop({ id: server });
        return surface.serverClear({ id: server });
      },
      sendToClient: (client, message) =>
        surface.serverSend({ id: server, client, message }).statuses[0]?.success ?? false,
      create: (URL) =>
        /** @type {any} */ (surface.client({ URL, maxWaitBetweenReconnectionRetries: 100 })).id,
      start: (id) => surface.clientStart({ id }),
      stop: (id) => surface.clientStop({ id, code: 4_321, reason: 'enough' }),
      send: (id, message) => surface.clientSend({ id, message }).success,
      clearAll: () => surface.clearAll(),
      dropped: () => surface.events.dropped,
      idle: () => surface.events.idle(),
    };
  });
}

/** @param {Context} context */
export function version1(context) {
  return chaos(
    context,
    (onEvent) => {
      const surface = new V1Surface();
      /** @param {number} server @param {number} client @param {string} type @param {any} event */
      const method = (server, client, type, { data, ...rest }) =>
        onEvent(server < 0, server < 0 ? server : client, server < 0 ? client : 0, type, {
          text: data,
          ...rest,
        });
      let server = 0;
      return {
        async serve(port) {
          server = surface.server({ port, method }).ref;
          return (await surface.serverStart({ ref: server })).success;
        },
        die: async (how) => {
          if (how === 0) await surface.serverStop({ ref: server });
          return surface.serverClear({ ref: server });
        },
        sendToClient: (client, message) =>
          surface.serverSend({ ref: server, clients: [client] }, message)[0]?.success ?? false,
        create: (url) => surface.client({ url, method, pingInterval: 1, pingTimeout: 5 }).ref,
        start: (ref) => surface.clientStart({ ref }),
        stop: (ref) => surface.clientStop({ ref }),
        send: (ref, message) => surface.clientSend({ ref }, message).success ?? false,
        clearAll: () => surface.clearAll(),
        dropped: () => surface.events.dropped,
        idle: () => surface.events.idle(),
      };
    },
    true,
  );
}

/**
 * A client that reconnects automatically has many connections. The script uses the order of events to find the connection of an event. Each
 * message contains its sender and a number: the command counts the messages for which it returned `success`. So the numbers of the messages
 * on one connection are consecutive.
 * @param {Context} context @param {(onEvent: OnEvent) => Commands} make @param {boolean} reusesNumbers
 */
async function chaos({ ledger, random, proxy }, make, reusesNumbers = false) {
  const port = fixedPort();
  proxy.target = port;
  /** @type {Map<string, { isOpen: boolean, opens: number, last: number, retries: number, closes: number }>} */
  const states = new Map();
  /** For each sender, the number of its messages for which the command returned `success`. @type {Map<string, number>} */
  const sent = new Map();
  /** The numbers of the open connections of the server. @type {Set<number>} */
  const connections = new Set();
  /**
   * The unique name of each connection of the server. The number of the connection is not unique, because the plugin may reuse it.
   * @type {Map<number, string>}
   */
  const names = new Map();
  let serial = 0;

  /** @param {string} key */
  const stateOf = (key) => {
    let state = states.get(key);
    if (state === undefined) {
      state = { isOpen: false, opens: 0, last: -1, retries: 0, closes: 0 };
      states.set(key, state);
    }
    return state;
  };

  /** @param {string} key @param {string} type @param {any} data */
  const check = (key, type, data) => {
    const state = stateOf(key);
    if (type === 'open') {
      if (state.isOpen) ledger.fault(`${key}: open while open`);
      Object.assign(state, { isOpen: true, opens: state.opens + 1, last: -1, sender: '', retries: 0 });
      const end = ledger.end(`${key} ${state.opens}`);
      end.opened++;
    } else if (type === 'close') {
      if (!state.isOpen) ledger.fault(`${key}: close while not open`);
      Object.assign(state, { isOpen: false, closes: state.closes + 1 });
      ledger.end(`${key} ${state.opens}`).closed++;
    } else if (type === 'error') {
      if (state.isOpen) ledger.fault(`${key}: error while open`);
      if (data.retries !== state.retries + 1)
        ledger.fault(`${key}: retries ${data.retries} after ${state.retries}`);
      state.retries = data.retries;
    } else if (type === 'message') {
      if (!state.isOpen) ledger.fault(`${key}: message while not open`);
      onText(key, state, data.text);
    } else if (!state.isOpen) ledger.fault(`${key}: ${type} while not open`);
  };

  /** @param {string} key @param {{ last: number, sender?: string }} state @param {string} text */
  const onText = (key, state, text) => {
    const [sender = '', place = ''] = text.split(' ', 2);
    ledger.messages++;
    if (state.last === -1) state.sender = sender;
    else if (state.sender !== sender && !isReused(state.sender, sender))
      ledger.fault(`${key}: messages of ${state.sender} and ${sender}`);
    else if (state.sender === sender && Number(place) !== state.last + 1)
      ledger.fault(`${key}: ${sender} ${place} after ${state.last}`);
    state.sender = sender;
    state.last = Number(place);
    // On a new connection, the numbers continue after the numbers of the previous connection. If numbers are missing, the previous
    // connection lost these messages, and its Close event reported this.
    const before = highest.get(sender) ?? -1;
    if (Number(place) <= before) ledger.fault(`${key}: ${sender} ${place} came after ${before}`);
    ledger.lost += Math.max(0, Number(place) - before - 1);
    highest.set(sender, Number(place));
  };
  /** @type {Map<string, number>} */
  const highest = new Map();

  // Version 1 gives the number of a closed connection to the next connection. Until the Open event of the new connection, the script does
  // not know this. If it sends a message before this event, the message goes to the new connection, but contains the name of the old
  // connection.
  /** @param {string} [before] @param {string} [now] */
  const isReused = (before = '', now = '') =>
    reusesNumbers && before.startsWith('S') && Number(now.slice(1)) > Number(before.slice(1));

  const commands = make((isServer, id, connection, type, data) => {
    const key = isServer ? `server ${id} connection ${connection}` : `client ${id}`;
    if (isServer && type === 'open') {
      connections.add(connection);
      names.set(connection, `S${++serial}`);
    }
    if (isServer && type === 'close') connections.delete(connection);
    check(key, type, data);
    const choice = random.below(20);
    if (choice === 0) return pause(random.below(3));
    if (choice === 1) return Promise.resolve();
    return undefined;
  });

  /** @param {string} sender @param {(text: string) => boolean} send */
  const sendAs = (sender, send) => {
    const place = sent.get(sender) ?? 0;
    const size = random.below(12) === 0 ? random.below(90_000) : random.below(200);
    if (send(`${sender} ${place} ${'x'.repeat(size)}`)) sent.set(sender, place + 1);
  };

  /** @type {number[]} */
  const ids = [];
  /** @type {Set<number>} */
  const busy = new Set();
  let isChanging = false;
  const die = async () => {
    if (isChanging) return;
    isChanging = true;
    await commands.die(random.below(2));
    await pause(random.below(300));
    while (!(await commands.serve(port))) await pause(5);
    isChanging = false;
  };
  const toggle = async () => {
    const id = random.pick(ids);
    if (id === undefined || busy.has(id)) return;
    busy.add(id);
    await (random.below(3) > 0 ? commands.start(id) : commands.stop(id));
    busy.delete(id);
  };
  /** @param {Promise<unknown>} promise */
  const watch = (promise) => void promise.catch((error) => ledger.fault(`a command rejected: ${error}`));
  const sendFromClient = () => {
    const id = random.pick(ids);
    if (id === undefined) return;
    for (let count = random.below(4); count >= 0; count--)
      sendAs(`C${id}`, (text) => commands.send(id, text));
  };
  const sendFromServer = () => {
    const connection = random.pick([...connections]);
    if (connection === undefined || isChanging) return;
    sendAs(names.get(connection) ?? '', (text) => commands.sendToClient(connection, text));
  };

  await commands.serve(port);
  for (let count = 0; count < CLIENTS; count++)
    ids.push(commands.create(`ws://127.0.0.1:${proxy.port}/?c=${count}`));
  return {
    operations: [
      () => random.below(6) === 0 && watch(toggle()),
      sendFromClient,
      sendFromClient,
      sendFromServer,
      sendFromServer,
      () => random.below(3) === 0 && proxy.cut(),
      () => proxy.hold(random.below(30)),
      () => random.below(200) === 0 && watch(die()),
    ],
    async finish() {
      while (isChanging || busy.size > 0) await pause(10);
      // `clearAll` drops events, so the script first stops all servers and clients.
      await Promise.all(ids.map((id) => commands.stop(id)));
      await commands.die(0);
      await commands.idle();
      await pause(50);
      await commands.idle();
      for (const [key, { isOpen, opens, closes }] of states) {
        if (isOpen || opens !== closes) ledger.fault(`${key}: ${opens} opens, ${closes} closes`);
      }
      if (commands.dropped() > 0) ledger.fault(`${commands.dropped()} events were dropped`);
      await commands.clearAll();
    },
  };
}
