/**
 * Lists classes, commands and other language elements of 4D. Each entry says whether the element has a translation in this package.
 * scripts/fourd.js and scripts/plugin.js make the tables "Line by line" of docs/4d.md and docs/plugin.md from this list. `rfc6455 4d` finds
 * the entries of the list in a program.
 */

export type Surface = 'rfc6455/4d' | 'rfc6455/plugin' | 'rfc6455/plugin-v1' | 'both plugins' | '';

/** Warnings about differences that a program may notice after the translation. */
export const warnings = {
  'send-early':
    'here `new` returns before the connection is open: what is sent then waits, and goes out after `onOpen`',
  accents:
    'without `*`, 4D strips accents; `toUpperCase` and `toLowerCase` do not, so the translation does it itself',
  collections:
    'a collection becomes an array: `query`, `extract` and the like have no translation by themselves',
  worker:
    'there are no workers here: what listens or is connected keeps the process alive, and callbacks run one at a time',
  form: 'there are no forms here: what it should do there is yours to decide',
  endless:
    'a callback that does not end holds up all callbacks after it; a warning names it after 10 seconds',
  loopback: 'it listens on 127.0.0.1 by default; name a `host` for other machines',
  size: 'a server takes messages of up to 1 MiB (`maxMessageSize`), a client of up to 16 MiB; 1009 beyond',
  reconnects: 'a client of the plugins comes back by itself, also after a clean close',
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
  /** False: there is no translation. */
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
    'a method `onMessage(ws, message)` of a class, or of any object; `This` is `this`',
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
    '`await webServer.start({ port })`, or `WebServer.of(httpServer)` and `options.server`',
    'loopback',
  ),
  entry('WEB STOP SERVER', 'rfc6455/4d', 'WEB STOP SERVER', '`await webServer.stop()`'),
];

const commandEntries: readonly Entry[] = [
  entry(
    'Websocket SET METHOD',
    'rfc6455/plugin',
    'Websocket SET METHOD ("CB")',
    "`websocketSetMethod('CB')`, and `methods.set('CB', cb)`; or `websocketSetMethod(cb)`",
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
    '`const socket = websocketClient(options)`; in version 2 with `options.id` it is information, as there',
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
    '`const status = websocketClientSend(socket)`; in version 1 `websocketClientSend(client, data)`',
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
    '`const status = websocketServerSend(socket)`; in version 1 `websocketServerSend(server, data)`',
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
    'what the formula does: what listens or is connected keeps the process alive',
    'worker',
  ),
  entry('ALERT', '', 'ALERT($text)', '`console.log(text)`', 'form'),
  entry(
    'Uppercase',
    '',
    'Uppercase($text)',
    '`text.toUpperCase()`, which keeps accents as `Uppercase($text; *)` does',
    'accents',
  ),
  entry('Lowercase', '', 'Lowercase($text)', '`text.toLowerCase()`, likewise', 'accents'),
  entry(
    'JSON Parse',
    '',
    '$object:=JSON Parse($text)',
    '`const object = JSON.parse(text)`; in the callback of a plugin nothing: the event is that object',
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
  missing('CALL FORM', 'nothing: write what the form did', 'form'),
  missing('POST OUTSIDE CALL', 'nothing: write what the process did', 'form'),
  missing('DELAY PROCESS', 'a timer: a callback that waits holds up the others', 'endless'),
  missing('IDLE', 'nothing: Node.js does it', 'endless'),
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
