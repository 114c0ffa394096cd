/**
 * Lists classes, commands and other language elements of 4D. Each entry says whether the element has a translation in this package.
 * scripts/fourd.js and scripts/plugin.js make the tables "Line by line" of docs/4d.md and docs/plugin.md from this list. `rfc6455 4d` finds
 * the entries of the list in a program.
 */

export type Surface = 'rfc6455/4d' | 'rfc6455/plugin' | 'rfc6455/plugin-v1' | 'both plugins' | '';

/** Warnings about differences that a program may notice after the translation. */
export const warnings = {
  'send-early':
    '`new` returns before the connection is open. Messages that are sent before `onOpen` wait until `onOpen` was called',
  accents:
    'without `*`, 4D removes accents. `toUpperCase` and `toLowerCase` keep accents, so the translated module removes them itself',
  collections: 'a collection becomes an array. An array has no functions such as `query` and `extract`',
  worker:
    'there are no workers. A server or an open connection keeps the process alive, and callbacks run one at a time',
  form: 'there are no forms. Decide what the program does instead',
  endless:
    'if a callback does not end, all later callbacks wait for it. After 10 seconds, a warning names the callback',
  loopback:
    'the server listens on 127.0.0.1 by default. Set `host` to accept connections from other machines',
  size: 'a server accepts messages up to 1 MiB, and a client up to 16 MiB (`maxMessageSize`). Larger messages fail with 1009',
  reconnects: 'a client of the plugins reconnects automatically, even after a clean close',
} as const;

export type WarningId = keyof typeof warnings;

export interface Entry {
  /** The name as 4D spells it. The name of a member function begins with a dot. */
  readonly name: string;
  readonly surface: Surface;
  /** One line of 4D code, which the table of the documentation shows; '' if this entry is not in that table. */
  readonly example: string;
  /** What a program writes with this package instead, in Markdown. */
  readonly here: string;
  readonly warnings: readonly WarningId[];
  /** False if there is no translation. */
  readonly translated: boolean;
}

const entry = (
  name: string,
  surface: Surface,
  example: string,
  here: string,
  ...warned: readonly WarningId[]
): Entry => ({ name, surface, example, here, warnings: warned, translated: true });

const missing = (name: string, here: string, ...warned: readonly WarningId[]): Entry => ({
  name,
  surface: '',
  example: '',
  here,
  warnings: warned,
  translated: false,
});

/** The classes of 4D. */
export const classEntries: readonly Entry[] = [
  entry(
    '4D.WebSocketServer',
    'rfc6455/4d',
    '4D.WebSocketServer.new($handler; $options)',
    '`WebSocketServer.new(handler, options)` or `new WebSocketServer(handler, options)`',
    'loopback',
    'size',
  ),
  entry(
    '4D.WebSocketConnection',
    'rfc6455/4d',
    'Function onMessage($ws : 4D.WebSocketConnection; $message : Object)',
    'a method `onMessage(ws, message)` of a class or an object. `This` becomes `this`',
  ),
  entry(
    '4D.WebSocket',
    'rfc6455/4d',
    '4D.WebSocket.new($url; $handler)',
    '`WebSocket.new(url, handler)` or `new WebSocket(url, handler)`',
    'send-early',
    'size',
  ),
  entry(
    'WEB START SERVER',
    'rfc6455/4d',
    'WEB START SERVER',
    '`await webServer.start({ port })`, or pass `WebServer.of(httpServer)` as `options.server`',
    'loopback',
  ),
  entry('WEB STOP SERVER', 'rfc6455/4d', 'WEB STOP SERVER', '`await webServer.stop()`'),
];

const commandEntries: readonly Entry[] = [
  entry(
    'Websocket SET METHOD',
    'rfc6455/plugin',
    'Websocket SET METHOD ("CB")',
    "`methods.set('CB', cb)` and `websocketSetMethod('CB')`, or only `websocketSetMethod(cb)`",
  ),
  entry(
    'Websocket Get method',
    'rfc6455/plugin',
    '$method:=Websocket Get method',
    '`const method = websocketGetMethod()`',
  ),
  entry(
    'Websocket client',
    'both plugins',
    '$socket:=Websocket client ($options)',
    '`const socket = websocketClient(options)`; if `options` has an `id`, version 2 returns information about that client, as in 4D',
    'reconnects',
  ),
  entry(
    'Websocket client start',
    'both plugins',
    '$status:=Websocket client start ($socket)',
    '`const status = await websocketClientStart(socket)`',
  ),
  entry(
    'Websocket client stop',
    'both plugins',
    '$status:=Websocket client stop ($socket)',
    '`const status = await websocketClientStop(socket)`',
  ),
  entry(
    'Websocket client send',
    'both plugins',
    '$status:=Websocket client send ($socket)',
    '`const status = websocketClientSend(socket)`; in version 1, `websocketClientSend(client, data)`',
  ),
  entry(
    'Websocket client clear',
    'both plugins',
    '$status:=Websocket client clear ($socket)',
    '`const status = await websocketClientClear(socket)`',
  ),
  entry(
    'Websocket server',
    'both plugins',
    '$socket:=Websocket server ($options)',
    '`const socket = websocketServer(options)`',
    'loopback',
    'size',
  ),
  entry(
    'Websocket server start',
    'both plugins',
    '$status:=Websocket server start ($socket)',
    '`const status = await websocketServerStart(socket)`',
  ),
  entry(
    'Websocket server stop',
    'both plugins',
    '$status:=Websocket server stop ($socket)',
    '`const status = await websocketServerStop(socket)`',
  ),
  entry(
    'Websocket server send',
    'both plugins',
    '$status:=Websocket server send ($socket)',
    '`const status = websocketServerSend(socket)`; in version 1, `websocketServerSend(server, data)`',
  ),
  entry(
    'Websocket server clear',
    'both plugins',
    '$status:=Websocket server clear ($socket)',
    '`const status = await websocketServerClear(socket)`',
  ),
  entry(
    'Websocket server clients',
    'rfc6455/plugin-v1',
    '$clients:=Websocket server clients ($server)',
    '`const clients = websocketServerClients(server)`',
  ),
  entry(
    'Websocket server messages',
    'rfc6455/plugin-v1',
    '$events:=Websocket server messages ($server)',
    '`const events = websocketServerMessages(server)`',
  ),
  entry(
    'Websocket client messages',
    'rfc6455/plugin-v1',
    '$events:=Websocket client messages ($client)',
    '`const events = websocketClientMessages(client)`',
  ),
];

/** The commands of both plugins. */
export const pluginEntries: readonly Entry[] = commandEntries;

/** Other language elements that are common in 4D programs with WebSockets. */
export const generalEntries: readonly Entry[] = [
  entry(
    'CALL WORKER',
    '',
    'CALL WORKER("name"; Formula(…))',
    'the code of the formula, without a worker, because a server or an open connection keeps the process alive',
    'worker',
  ),
  entry('ALERT', '', 'ALERT($text)', '`console.log(text)`', 'form'),
  entry(
    'Uppercase',
    '',
    'Uppercase($text)',
    '`text.toUpperCase()`, which keeps accents, like `Uppercase($text; *)`',
    'accents',
  ),
  entry(
    'Lowercase',
    '',
    'Lowercase($text)',
    '`text.toLowerCase()`, which keeps accents, like `Lowercase($text; *)`',
    'accents',
  ),
  entry(
    'JSON Parse',
    '',
    '$object:=JSON Parse($text)',
    '`const object = JSON.parse(text)`. A callback of the plugins needs no `JSON.parse`, because its event is already an object',
  ),
  entry('JSON Stringify', '', 'JSON Stringify($object)', '`JSON.stringify(object)`'),
  entry('New object', '', 'New object("id";$id;"message";"hello")', "`{ id, message: 'hello' }`"),
  entry('New collection', '', 'New collection($a;$b)', '`[a, b]`'),
  entry('OB Copy', '', 'OB Copy($object)', '`structuredClone(object)`'),
  entry(
    'TEXT TO BLOB',
    '',
    'TEXT TO BLOB($text;$data;UTF8 text without length)',
    '`const data = Buffer.from(text)`',
  ),
  entry(
    'CONVERT FROM TEXT',
    '',
    'CONVERT FROM TEXT($text;"utf-8";$data)',
    '`const data = Buffer.from(text)`',
  ),
  entry('Convert to text', '', 'Convert to text($data;"utf-8")', "`data.toString('utf8')`"),
  entry('BLOB to text', '', 'BLOB to text($data;UTF8 text without length)', "`data.toString('utf8')`"),
  entry('Length', '', 'Length($text)', '`text.length`'),
  entry('String', '', 'String($number)', '`String(number)`'),
  entry('Not', '', 'Not($condition)', '`!condition`'),
  entry('Choose', '', 'Choose($condition;$a;$b)', '`condition ? a : b`'),
  missing('CALL FORM', 'no equivalent: write code that replaces the form', 'form'),
  missing('POST OUTSIDE CALL', 'no equivalent: write code that replaces the process', 'form'),
  missing('DELAY PROCESS', 'a timer, because a callback that waits delays all other callbacks', 'endless'),
  missing('IDLE', 'nothing, because Node.js needs no such call', 'endless'),
  missing('.query', '`filter` with a function', 'collections'),
  missing('.extract', '`map` with a function', 'collections'),
  missing('.orderBy', '`toSorted` with a function', 'collections'),
];

export const allEntries: readonly Entry[] = [...classEntries, ...pluginEntries, ...generalEntries];

/** Returns a table for the documentation. Each row has a line of 4D and the replacement for it. */
export function tableOf(entries: readonly Entry[]): string {
  const rows = entries
    .filter(({ example }) => example !== '')
    .map(({ example, here }) => `| \`${example.replaceAll('|', '\\|')}\` | ${here.replaceAll('|', '\\|')} |`);
  return ['| in 4D | here |', '|---|---|', ...rows].join('\n');
}
