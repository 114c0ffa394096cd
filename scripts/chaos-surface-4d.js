/** The random operations of scripts/chaos-4d.js for the 4D classes. */
import { WebServer, WebSocket, WebSocketServer } from '../dist/4d.js';
import { fixedPort, pause } from './chaos-4d.js';

const MAX_CLIENTS = 40;
const NOT_SENT = 9;

/**
 * @typedef {object} Context
 * @property {import('./chaos-4d.js').Ledger} ledger
 * @property {ReturnType<typeof import('./chaos-4d.js').randomOf>} random
 * @property {import('./chaos-proxy.js').CuttingProxy} proxy
 */

/** @param {Context} context */
export async function fourD({ ledger, random, proxy }) {
  const port = fixedPort();
  /** @type {WebServer | null} */
  let web = null;
  /** @type {WebSocketServer | null} */
  let wss = null;
  let isChanging = false;
  let serial = 0;
  let serversStarted = 0;
  let serversEnded = 0;
  /** @type {Map<string, WebSocket>} */
  const clients = new Map();
  /** The ends that closed first. All their messages must arrive. @type {Set<string>} */
  const whole = new Set();
  /** The ends that have begun to close. The script sends no more messages from these ends. @type {Set<string>} */
  const closing = new Set();

  /** The result of a handler: at random, returns nothing, returns a Promise or throws. A handler of an application may do the same. */
  const dawdle = () => {
    const choice = random.below(12);
    if (choice === 0) return pause(random.below(3));
    if (choice === 1) return Promise.resolve();
    if (choice === 2) throw new Error('a callback of the chaos threw');
    return undefined;
  };

  /** Records a received message. The text begins with the number of the message. @param {string} key @param {string} text */
  const receive = (key, text) => {
    const [number] = text.split(' ', 1);
    ledger.got(key, Number(number));
  };

  /** @param {string} key @param {WebSocket | import('../dist/4d.js').WebSocketConnection} ws */
  const send = (key, ws) => {
    const end = ledger.end(key);
    const text = `${end.sent} ${'x'.repeat(random.below(12) === 0 ? random.below(90_000) : random.below(200))}`;
    const form = random.below(8);
    const message = form === 0 ? new Blob([text]) : form === 1 ? Buffer.from(text) : text;
    if (ws.send(message)) end.sent++;
    else if (ws.status === 'Connected') ledger.fault(`${key}: send returned false while "Connected"`);
  };

  /** @param {string} key @param {{ errors: readonly { errCode: number, message: string, cause?: unknown }[] }} event */
  const onError = (key, { errors }) => {
    for (const { errCode, message } of errors) {
      if (errCode === NOT_SENT) ledger.end(key).lossy = true;
      else if (![3, 6, 7].includes(errCode)) ledger.fault(`${key}: onError ${errCode} ${message}`);
    }
  };

  /** @param {string} n */
  const connectionHandler = (n) => {
    const key = `server of ${n}`;
    return {
      key,
      onOpen() {
        ledger.opened(key);
        return dawdle();
      },
      /** @param {unknown} _ws @param {{ data: string }} event */
      onMessage(_ws, { data }) {
        receive(key, data);
        return dawdle();
      },
      /** @param {unknown} _ws @param {any} event */
      onError: (_ws, event) => onError(key, event),
      /** @param {unknown} _ws @param {{ code: number }} event */
      onTerminate(_ws, { code }) {
        ledger.closed(key);
        // Only the client uses this code. So the client has closed first, and all its messages must have arrived.
        if (code === 4_321 && !closing.has(key)) whole.add(`client ${n}`);
        return dawdle();
      },
    };
  };

  const startServer = async () => {
    web = new WebServer({ port });
    await web.start();
    proxy.target = port;
    makeServer();
  };

  const makeServer = () => {
    if (web === null) return;
    serversStarted++;
    let isOver = false;
    wss = new WebSocketServer(
      {
        /** @param {unknown} _wss @param {import('rfc6455/4d').ConnectionEvent} event */
        onConnection(_wss, { request }) {
          if (random.below(30) === 0) return null;
          if (random.below(60) === 0) throw new Error('onConnection of the chaos threw');
          return connectionHandler(String(request.query.n));
        },
        onTerminate() {
          if (isOver) ledger.fault('a server was terminated twice');
          isOver = true;
          serversEnded++;
          return dawdle();
        },
        onError() {},
      },
      { server: web, closeTimeout: 2_000, cancel: random.pick(['refuse', 'close']) },
    );
  };

  const closeAll = () => {
    for (const { handler } of wss?.connections ?? []) {
      closing.add(/** @type {ReturnType<typeof connectionHandler>} */ (handler).key);
    }
  };

  /** Stops the server in a random way, and restarts it after some time. */
  const die = async () => {
    if (isChanging || web === null || wss === null) return;
    isChanging = true;
    const timeout = random.pick([0, 0.01, 1]);
    closeAll();
    if (random.below(2) === 0) {
      await wss.terminate(timeout);
      makeServer();
    } else {
      await web.stop(timeout);
      await pause(random.below(200));
      await startServer();
    }
    isChanging = false;
  };

  const connect = () => {
    if (clients.size >= MAX_CLIENTS) return;
    const n = String(++serial);
    const key = `client ${n}`;
    const client = new WebSocket(
      `ws://127.0.0.1:${proxy.port}/?n=${n}`,
      {
        onOpen() {
          ledger.opened(key);
          return dawdle();
        },
        onMessage(_ws, { data }) {
          receive(key, data);
          return dawdle();
        },
        onError: (_ws, event) => onError(key, event),
        onTerminate(_ws, { code }) {
          ledger.closed(key);
          if (code === 4_322 && !closing.has(key)) whole.add(`server of ${n}`);
          clients.delete(n);
          return dawdle();
        },
      },
      { handshakeTimeout: 5_000, closeTimeout: 2_000 },
    );
    clients.set(n, client);
    for (let count = random.below(3); count > 0; count--) send(key, client);
  };

  const someClient = () => random.pick([...clients]);

  const sendFromClient = () => {
    const found = someClient();
    if (found === undefined) return;
    const [n, client] = found;
    for (let count = random.below(4); count >= 0; count--) send(`client ${n}`, client);
  };

  /** @param {(ws: import('../dist/4d.js').WebSocketConnection, key: string) => void} action */
  const onServer = (action) => {
    const ws = random.pick([...(wss?.connections ?? [])]);
    if (ws !== undefined) action(ws, /** @type {ReturnType<typeof connectionHandler>} */ (ws.handler).key);
  };

  const operations = [
    connect,
    connect,
    sendFromClient,
    sendFromClient,
    sendFromClient,
    () => onServer((ws, key) => send(key, ws)),
    () => onServer((ws, key) => send(key, ws)),
    () => {
      const [n, client] = someClient() ?? [];
      closing.add(`client ${n}`);
      client?.terminate(4_321, 'enough');
    },
    () => {
      if (random.below(3) > 0) return;
      onServer((ws, key) => {
        closing.add(key);
        ws.terminate(4_322, 'enough');
      });
    },
    () => random.below(3) === 0 && proxy.cut(),
    () => proxy.hold(random.below(30)),
    () =>
      random.below(150) === 0 &&
      void die().catch((error) => ledger.fault(`the server did not come back: ${error}`)),
  ];

  await startServer();
  return {
    operations,
    async finish() {
      while (isChanging) await pause(10);
      for (const [n, client] of clients) {
        closing.add(`client ${n}`);
        client.terminate(4_321);
      }
      closeAll();
      await /** @type {WebServer | null} */ (web)?.stop();
      while (clients.size > 0) await pause(10);
      await pause(100);
      if (serversStarted !== serversEnded)
        ledger.fault(`${serversStarted} servers, ${serversEnded} onTerminate`);
      for (let n = 1; n <= serial; n++) {
        ledger.compare(`client ${n}`, `server of ${n}`, whole.has(`client ${n}`));
        ledger.compare(`server of ${n}`, `client ${n}`, whole.has(`server of ${n}`));
      }
      ledger.finish((key) => key.startsWith('client'));
    },
  };
}
