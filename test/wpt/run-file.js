/**
 * Runs one file of the web platform tests in a separate process. It defines the globals that a test needs, runs the scripts of the test,
 * and sends the results to the parent process. The arguments are the folder of the tests, the path of the file in this folder, the query of
 * its variant, the ports, and the class: "ours" or "built-in".
 */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { runInThisContext } from 'node:vm';

const [folder = '', path = '', query = '', ports = '', kind = ''] = process.argv.slice(2);
/** @type {{ ws: number, wss: number }} */
const { ws, wss } = JSON.parse(ports);
const global = /** @type {Record<string, any>} */ (globalThis);

/** @param {unknown} message */
function report(message) {
  process.send?.(message);
}

process.on('uncaughtException', (error) => report({ uncaught: String(error?.stack ?? error) }));
process.on('unhandledRejection', (error) => report({ uncaught: String(error) }));

/**
 * Returns a file of the suite. Fills in the values that the server of the suite would insert. @param {string} name absolute, or relative to
 * the test
 */
function source(name) {
  // The server of the suite has this alias.
  if (name === '/resources/WebIDLParser.js') name = '/resources/webidl2/lib/webidl2.js';
  const absolute = name.startsWith('/') ? name : posix.join(posix.dirname(path), name);
  const text = readFileSync(`${folder}${absolute.split('?')[0]}`, 'utf8');
  /** @type {Record<string, string>} */
  const values = {
    host: 'localhost',
    'ports[ws][0]': String(ws),
    'ports[wss][0]': String(wss),
    'ports[h2][0]': String(wss),
    'ports[http][0]': String(ws),
    'ports[https][0]': String(wss),
  };
  return text.replaceAll(/\{\{([^}]+)\}\}/g, (all, key) => values[key] ?? all);
}

/** @param {string} name */
function load(name) {
  runInThisContext(source(name), { filename: name });
}

/** Returns the scripts of a page, in order. Each script has a name or a text. @returns {{ name?: string, text?: string }[]} */
function scriptsOfPage() {
  const page = source(path);
  global.META_TITLE = /<title>([^<]*)<\/title>/.exec(page)?.[1] ?? path;
  return [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)].map(([, attributes = '', text = '']) => {
    const name = /src=["']?([^"'\s>]+)/.exec(attributes)?.[1];
    return name === undefined ? { text } : { name };
  });
}

/** Returns the scripts that the head of a JavaScript test names, and then the test itself. @returns {{ name?: string, text?: string }[]} */
function scriptsOfTest() {
  const text = source(path);
  global.META_TITLE = /^\/\/ META: title=(.*)$/m.exec(text)?.[1] ?? path;
  const names = [...text.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, name = '']) => ({ name }));
  return [{ name: '/resources/testharness.js' }, ...names, { text }];
}

async function setUp() {
  const origin = `http://localhost:${ws}`;
  const location = new URL(`${path}${query}`, origin);
  const isWorker = path.endsWith('.worker.js');
  Object.assign(global, {
    self: globalThis,
    GLOBAL: { isWorker: () => isWorker, isWindow: () => !isWorker, isShadowRealm: () => false },
    importScripts: (/** @type {string[]} */ ...names) => names.forEach(load),
  });
  if (!isWorker)
    Object.assign(global, { window: globalThis, Window: Object.getPrototypeOf(globalThis).constructor });
  Object.defineProperty(globalThis, 'location', { value: location, configurable: true, writable: true });
  // The built-in class of Node.js reads the URL of the page here.
  global[/** @type {any} */ (Symbol.for('undici.globalOrigin.1'))] = location;
  // idlharness.js uses fetch to load interface definitions.
  global.fetch = async (/** @type {string} */ name) => new Response(source(name));
  if (kind !== 'ours') return;
  const classes = await import('rfc6455/websocket');
  for (const name of /** @type {const} */ (['WebSocket', 'CloseEvent', 'ErrorEvent'])) {
    // Web IDL defines these attributes for an interface on the global object.
    const value = classes[name];
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }
}

await setUp();
for (const { name, text } of path.endsWith('.html') ? scriptsOfPage() : scriptsOfTest()) {
  if (name?.endsWith('testharnessreport.js') === true) continue;
  if (name !== undefined) load(name);
  else runInThisContext(text ?? '', { filename: path });
  if (name === '/resources/testharness.js') listen();
}
// In a worker, the test itself loads the harness with importScripts.
if (path.endsWith('.worker.js')) listen();

function listen() {
  const names = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
  global.add_result_callback?.(
    (/** @type {{ name: string, status: number, message: string | null }} */ { name, status, message }) => {
      report({ name, status: names[status] ?? String(status), message });
    },
  );
  global.add_completion_callback?.(
    (
      /** @type {unknown[]} */ _tests,
      /** @type {{ status: number, message: string | null }} */ { status, message },
    ) => {
      report({ done: true, harness: status, message });
    },
  );
}
