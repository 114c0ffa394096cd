/**
 * Runs one file of the web platform tests in a process of its own: what a shell of a JavaScript engine has to offer, the test's scripts, and
 * the results back to the parent. Arguments: the folder of the tests, the path of the file in it, the query of its variant, the ports, and the
 * class: "ours" or "built-in".
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

/** A file of the suite, with what its server would have filled in. @param {string} name absolute, or relative to the test */
function source(name) {
  // The suite's own server has this alias.
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

/** The scripts of a page, in order: a name, or text. @returns {{ name?: string, text?: string }[]} */
function scriptsOfPage() {
  const page = source(path);
  global.META_TITLE = /<title>([^<]*)<\/title>/.exec(page)?.[1] ?? path;
  return [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)].map(([, attributes = '', text = '']) => {
    const name = /src=["']?([^"'\s>]+)/.exec(attributes)?.[1];
    return name === undefined ? { text } : { name };
  });
}

/** The scripts that the head of a JavaScript test names, and the test. @returns {{ name?: string, text?: string }[]} */
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
  // The page's URL, where the class of Node.js looks for it.
  global[/** @type {any} */ (Symbol.for('undici.globalOrigin.1'))] = location;
  // idlharness.js fetches interface definitions.
  global.fetch = async (/** @type {string} */ name) => new Response(source(name));
  if (kind !== 'ours') return;
  const classes = await import('rfc6455/websocket');
  for (const name of /** @type {const} */ (['WebSocket', 'CloseEvent', 'ErrorEvent'])) {
    // As Web IDL puts an interface on the global object.
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
// The worker's own importScripts loaded the harness.
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
